import RuleEvaluation
import Timekeeping

private let limits = TemplateLimits(nestingMax: 32, stepsMax: 5000, outputBytesMax: 4096)

private let context = TemplateContext(
    labels: ["__name__": "up", "job": "api", "instance": "db1.example.com:5432", "le": "+Inf"],
    value: 1234.5678,
    externalLabels: ["cluster": "eu"],
    externalURL: "https://alerts.example.com/tocsin",
    time: Timestamp(milliseconds: 1_700_000_000_000),
    query: { (text: String) throws(TemplateError) in
        guard !text.isEmpty else { throw TemplateError("an empty query") }
        return (0..<min(text.utf8.count, 20)).map {
            TemplateSample(
                labels: ["instance": "i\($0)", "__value__": "v\($0)"],
                value: Double($0) * 1e3
            )
        }
    }
)

/// A template that parses is filled in within its limits, twice the same, or says why not.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = unsafe String(
        decoding: UnsafeBufferPointer(start: start, count: count),
        as: UTF8.self
    )
    do {
        let template = try Template(text, limits: limits)
        precondition(template.text == text, "a template keeps its text")
        if template.constant != nil { return 0 }
        let filled = try template.expand(context)
        precondition(filled.utf8.count <= limits.outputBytesMax, "more text than the limit")
        let (again, failed) = template.expanded(context, alert: "Fuzz")
        precondition(!failed && again == filled, "the same template gives another text")
    } catch {
        precondition(!error.reason.isEmpty, "an error says what is wrong")
    }
    return 0
}
