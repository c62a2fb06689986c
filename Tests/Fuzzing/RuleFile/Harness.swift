import Model
import RuleEvaluation
import Rules
import Timekeeping
import YAML

private let limits = RuleLoadLimits(
    rulesMax: 200,
    yaml: YAMLLimits(bytesMax: 1 << 16, depthMax: 32, nodesMax: 5000)
)

/// Every problem has its place in the file and says something.
private func check(_ problems: DiagnosticList) {
    precondition(!problems.diagnostics.isEmpty, "a refusal without a reason")
    for problem in problems.diagnostics {
        precondition(problem.location.line >= 1, "a problem without its line")
        precondition(!problem.message.isEmpty, "a problem without words")
    }
}

/// A text is a rule file or is refused with places; so it is as a file of rule tests.
///
/// Rules that load are compiled, templates and expressions too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do {
        let text = String(decoding: input, as: UTF8.self)
        let rules = try RuleLoader.load(text: text, file: "fuzz.yaml", limits: limits)
        let replay = try RuleReplay(rules, over: SampleLedger())
        precondition(replay.snapshot.count <= rules.groups.count, "groups out of nothing")
    } catch { check(error) }
    do {
        let file = try RuleTestFile.read(
            input,
            path: "fuzz.yaml",
            yaml: limits.yaml,
            valuesMax: 10_000
        )
        let values = file.groups.flatMap(\.input).reduce(0) { $0 + $1.values.count }
        precondition(values <= 10_000, "more values than the limit")
        precondition(file.evaluationInterval > .zero, "an interval that never ends")
    } catch { check(error) }
    return 0
}
