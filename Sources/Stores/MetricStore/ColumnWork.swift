import Buffers
import Model
import Synchronization

/// A call's column requests on their way through the shards, and the shards' parts of the answers.
final class ColumnWork: Sendable {
    /// A selector that requests of the call name.
    struct Selector: Sendable {
        var reference: SelectorReference
        /// The table as it was when the call began.
        var known: SelectorTable?
        /// Requests that need no look at all samples, by number.
        var shortcuts: [Int] = []
        /// The others, those together that look at the same samples.
        var scans: [Scan] = []
    }

    /// Requests whose samples are read together.
    struct Scan: Sendable {
        /// `(start, end]`, milliseconds; what is out of retention is each series' own.
        var start: Int64
        var end: Int64
        var keepsMarkers: Bool
        var requests: [Int]
    }

    /// What one shard says to all requests.
    struct Part: Sendable {
        /// By selector: the version of the shard's plan.
        var versions: [UInt64] = []
        /// By selector: labels in order, nil when the caller has them.
        var labelSets: [[LabelSet]?] = []
        /// By request.
        var values: [ColumnValues] = []
        /// By request: samples that were read.
        var samples: [Int] = []
        /// By request: places in the plan of series of which something was noticed.
        var noticed: [[UInt32]] = []
    }

    private struct Answers {
        var remaining: Int
        var parts: [Part?]
    }

    /// Values that one request of several steps may have in one shard, whatever its limit: a gibibyte.
    static let valuesMax = 1 << 27

    /// Values up to which changing threads takes longer than answering, and milliseconds of samples for each.
    private static let smallValues = 256
    private static let smallSpan: Int64 = 3_600_000

    let requests: [ColumnRequest]
    let selectors: [Selector]
    /// By request.
    let selectorNumbers: [Int]
    /// Samples at or before this are out of retention, unless a rule needs them.
    let oldest: Int64
    let sampleLimit: Int
    private let now: Int64
    private let overLimit = Atomic<Bool>(false)
    private let answers: Monitor<Answers>

    init(
        _ requests: [ColumnRequest],
        tables: SelectorTables,
        oldest: Int64,
        sampleLimit: Int,
        shards: Int,
        now: Int64
    ) {
        self.requests = requests
        self.oldest = oldest
        self.sampleLimit = sampleLimit
        self.now = now
        var selectors: [Selector] = []
        var numbers: [UInt64: Int] = [:]
        var others: [[LabelMatcher]: Int] = [:]
        selectorNumbers = tables.use(requests, now: now).map { reference, known in
            let number =
                reference.id != 0 ? numbers[reference.id] : others[reference.matchers]
            if let number { return number }
            if reference.id != 0 {
                numbers[reference.id] = selectors.count
            } else {
                others[reference.matchers] = selectors.count
            }
            selectors.append(Selector(reference: reference, known: known))
            return selectors.count - 1
        }
        for (number, request) in requests.enumerated() {
            precondition(request.steps > 0 && request.step > 0, "a request has steps, each onward")
            let selector = selectorNumbers[number]
            guard request.hasShortcut else {
                selectors[selector].scans.append(Scan(number, request))
                continue
            }
            selectors[selector].shortcuts.append(number)
        }
        for number in selectors.indices where selectors[number].scans.count > 1 {
            selectors[number].scans = Scan.joined(selectors[number].scans)
        }
        self.selectors = selectors
        answers = Monitor(Answers(remaining: shards, parts: Array(repeating: nil, count: shards)))
    }

    /// True when the answers are known to be few values, of few samples each.
    var isSmall: Bool {
        var values = 0
        for (request, number) in zip(requests, selectorNumbers) {
            let selector = selectors[number]
            guard let series = selector.known?.table.count,
                request.steps <= ColumnWork.smallValues,
                selector.scans.allSatisfy({
                    let (span, overflow) = $0.end.subtractingReportingOverflow($0.start)
                    return !overflow && span <= ColumnWork.smallSpan
                })
            else { return false }
            values += series * request.steps
            guard values <= ColumnWork.smallValues else { return false }
        }
        return true
    }

    /// True when some request has read more samples than it may: its answer is not wanted any more.
    var isOverLimit: Bool { overLimit.load(ordering: .relaxed) }

    func exceedLimit() { overLimit.store(true, ordering: .relaxed) }

    func finish(_ part: Part, shard: Int) {
        answers.signal {
            $0.parts[shard] = part
            $0.remaining -= 1
        }
    }

    /// Blocks until every shard has answered, then puts their parts together.
    func columns(_ tables: SelectorTables) throws(SeriesReadingError) -> [Column] {
        let parts = answers.wait { $0.remaining == 0 ? $0.parts.compactMap(\.self) : nil }
        guard !isOverLimit else { throw .sampleLimit(sampleLimit) }
        for request in requests.indices {
            var samples = 0
            for part in parts { samples += part.samples[request] }
            guard samples <= sampleLimit else { throw .sampleLimit(sampleLimit) }
        }
        let found = selectors.indices.map { table(of: $0, parts, tables) }
        var columns: [Column] = []
        columns.reserveCapacity(requests.count)
        for (request, selector) in selectorNumbers.enumerated() {
            let values = found[selector].merged(
                parts,
                request: request,
                steps: requests[request].steps
            )
            columns.append(
                Column(
                    table: found[selector].table,
                    values: values,
                    noticed: found[selector].noticed(parts, request: request)
                )
            )
        }
        return columns
    }

    private func table(
        of number: Int,
        _ parts: [Part],
        _ tables: SelectorTables
    ) -> SelectorTable {
        let known = selectors[number].known
        if let known, known.isMade(of: parts, selector: number) { return known }
        let table = SelectorTable.updated(
            known,
            parts.map { (version: $0.versions[number], labelSets: $0.labelSets[number]) }
        )
        return tables.keep(table, for: selectors[number].reference, now: now)
    }
}

extension ColumnRequest {
    /// True when a series' first and last samples tell the answer, most often.
    var hasShortcut: Bool {
        function.shortcut != .none && steps == 1 && before == 0 && after == 0
    }
}

extension ColumnWork.Scan {
    fileprivate init(_ number: Int, _ request: ColumnRequest) {
        let start = request.end.subtractingReportingOverflow(request.length + request.before)
        let last = request.end + Int64(request.steps - 1) * request.step
        self.init(
            start: start.overflow ? .min : start.partialValue,
            end: last + request.after,
            keepsMarkers: request.function.shortcut.seesMarkers,
            requests: [number]
        )
    }

    /// Those whose ranges overlap become one.
    fileprivate static func joined(_ scans: [ColumnWork.Scan]) -> [ColumnWork.Scan] {
        var joined: [ColumnWork.Scan] = []
        for scan in scans.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            let place = joined.firstIndex {
                $0.keepsMarkers == scan.keepsMarkers && scan.start < $0.end
            }
            guard let place else {
                joined.append(scan)
                continue
            }
            joined[place].end = max(joined[place].end, scan.end)
            joined[place].requests += scan.requests
        }
        return joined
    }
}
