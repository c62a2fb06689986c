import Ingest
import LogRules
import Model
import Rules
import Telemetry
import Timekeeping

private struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: 1_700_000_000_000) }
}

private let moment = Timestamp(milliseconds: 1_700_000_000_000)

private let preparation: LogPreparation = {
    let place = SourceLocation(file: "fuzz", line: 1, column: 1)
    let made = LogPreparation(
        settings: LogJoinSettings(openMax: 8, bytesMax: 4096, lineBytesMax: 1024),
        clock: FixedClock(),
        metrics: MetricsRegistry()
    )
    func multiline(_ joining: LogStreamDefinition.Joining) -> LogStreamDefinition.Multiline {
        LogStreamDefinition.Multiline(joining: joining, linesMax: 5, bytesMax: 1024)
    }
    do {
        try made.load([
            LogStreamDefinition(
                from: ["pod": "traces"],
                multiline: multiline(.traces([.java, .python, .go])),
                location: place
            ),
            LogStreamDefinition(
                from: ["pod": "starts"],
                multiline: multiline(.start("^[0-9a]")),
                merging: LogStreamDefinition.Merging(),
                location: place
            ),
        ])
    } catch {
        preconditionFailure("\(error)")
    }
    return made
}()

private func record(_ text: String, _ pod: String) -> LogRecord {
    LogRecord(
        tag: "t",
        eventTime: moment,
        arrivalTime: moment,
        fields: [("log", .string(text)), ("pod", .string(pod))]
    )
}

/// Every line is kept once, alone or joined, and no event is counted twice.
private func join(_ lines: [Substring], _ pod: String) {
    var kept = 0
    var counted = 0
    for line in lines {
        let prepared = preparation.take([record(String(line), pod)])
        kept += prepared.kept.count
        counted += prepared.counted.count
    }
    let rest = preparation.flush(everything: true)
    kept += rest.kept.count
    counted += rest.counted.count
    precondition(kept <= lines.count, "more records than lines")
    precondition(kept > 0 || lines.isEmpty, "lines that are gone")
    precondition(counted <= kept, "an event is counted twice")
}

/// A filter is refused with words, or reads back as it is printed and can be asked.
private func filter(_ text: String) {
    do {
        let filter = try LogFilterText.filter(in: text)
        let again = try LogFilterText.filter(in: filter.text)
        precondition(again.text == filter.text, "a filter does not read back: \(filter.text)")
        var event = LogEvent(record("GET /a 500", "x")) { LogText.fields(of: $0) }
        let test = try LogFilterTest(filter)
        precondition(
            test.holds(&event) != LogFilterTest.not(test).holds(&event),
            "neither yes nor no"
        )
    } catch {
        precondition(!"\(error)".isEmpty, "a refusal without words")
    }
}

/// A query of Elasticsearch's is carried over to a rule that loads, or refused with words.
private func query(_ text: String) {
    var bytes: [UInt8] = Array("name: r\ntype: any\nfilter: [{query_string: {query: ".utf8)
    JSONText.append(quoted: text, to: &bytes)
    bytes += Array("}}]\n".utf8)
    let outcome = ElastAlertImport.convert(bytes, file: "fuzz.yaml")
    guard let entry = outcome.entry else {
        precondition(outcome.problems.allSatisfy { !$0.message.isEmpty }, "a refusal without words")
        precondition(!outcome.problems.isEmpty, "a refusal without a reason")
        return
    }
    do {
        let rules = try RuleLoader.load(text: "log_rules:\n" + entry, file: "fuzz.yaml")
        precondition(rules.logRules.count == 1, "one rule of one")
    } catch {
        // An expression that is none is told when the rule is read; all else must be readable.
        precondition(error.description.contains("where:"), "unreadable: \(entry) \(error)")
    }
}

/// The first byte chooses what the rest is.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1, count < 1 << 16 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let text = String(decoding: input.dropFirst(), as: UTF8.self)
    switch input[0] % 4 {
    case 0: filter(text)
    case 1: query(text)
    case 2: join(text.split(separator: "\n", omittingEmptySubsequences: false), "traces")
    default: join(text.split(separator: "\n", omittingEmptySubsequences: false), "starts")
    }
    return 0
}
