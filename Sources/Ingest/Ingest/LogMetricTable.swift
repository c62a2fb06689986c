import Model
import Timekeeping

/// The series of one log metric with their running totals, and the guard over how many there may be.
struct LogMetricTable: Sendable {
    /// What makes two definitions feed the same series.
    struct Shape: Hashable, Sendable {
        var name: String
        /// Sorted.
        var labelNames: [String]
        var kind: Kind

        /// What names it where its totals are saved.
        var text: String {
            let bounds: String
            switch kind {
            case .counter: bounds = "counter"
            case .gauge: bounds = "gauge"
            case .histogram(let list):
                bounds = "histogram " + list.map { LogMetricTable.text($0) }.joined(separator: ",")
            }
            return "\(name){\(labelNames.joined(separator: ","))} \(bounds)"
        }

        /// True for the names of its series.
        func owns(_ series: String) -> Bool {
            guard series.hasPrefix(name) else { return false }
            switch series.dropFirst(name.count) {
            case "": return true
            case "_bucket", "_sum", "_count":
                if case .histogram = kind { return true }
                return false
            default: return false
            }
        }
    }

    enum Kind: Hashable, Sendable {
        case counter
        case gauge
        case histogram([Double])
    }

    /// What an observation did, for the counters.
    struct Effect {
        var late = false
        /// The label that was folded into `other` to stay under the limit.
        var folded: String?
    }

    private struct Series: Sendable {
        var labels: [String]
        /// Label bytes of each sample's series, in the order of `totals`.
        var encoded: [[UInt8]]
        /// Counter and gauge: one; histogram: a count a bucket (not cumulative), +Inf among them, and the
        /// sum.
        var totals: [Double]
        /// The slot of the newest sample, emitted or about to be, in milliseconds.
        var stamp: Int64
        /// Values at slots that are over but not yet emitted.
        var closed: [(stamp: Int64, totals: [Double])] = []
        var isDirty = false
        var isNew = true
        /// Arrival of the last event.
        var touched: Int64
        /// Bits of the sources that have added to it.
        var feeders: UInt64 = 0
    }

    /// The value that new label values become when there are too many.
    static let other = "other"

    let shape: Shape
    var seriesMax: Int
    private var index: [[String]: Int] = [:]
    private var series: [Series] = []
    /// Values in use, a set a label.
    private var values: [Set<String>]
    private var dirty: [Int] = []
    /// Series as they were when a batch began; nil while none is under way.
    private var journal: [Int: Series]?
    /// The newest slot that any series of the metric has reached.
    private(set) var newestStamp = Int64.min

    /// Sets of sources that feed series of it.
    private(set) var feeders: Set<UInt64> = []

    init(_ shape: Shape, seriesMax: Int) {
        self.shape = shape
        self.seriesMax = seriesMax
        values = Array(repeating: [], count: shape.labelNames.count)
    }

    /// Series in the metric store: a histogram has several for each set of labels.
    var seriesCount: Int { series.count * seriesPerLabelSet }

    private var seriesPerLabelSet: Int {
        switch shape.kind {
        case .counter, .gauge: 1
        // Buckets, +Inf, sum and count.
        case .histogram(let bounds): bounds.count + 3
        }
    }

    private var labelSetsMax: Int { max(1, seriesMax / seriesPerLabelSet) }

    /// Every series as it stands; of a histogram its sum and count.
    var totals: [(series: LabelSet, value: Double)] {
        series.flatMap { one -> [(series: LabelSet, value: Double)] in
            let labels = zip(shape.labelNames, one.labels).map { Label($0, $1) }
            func named(_ name: String) -> LabelSet {
                LabelSet(labels + [Label(LabelSet.metricName, name)])
            }
            guard case .histogram(let bounds) = shape.kind else {
                return [(named(shape.name), one.totals[0])]
            }
            return [
                (named(shape.name + "_sum"), one.totals[bounds.count + 1]),
                (named(shape.name + "_count"), one.totals[0...bounds.count].reduce(0, +)),
            ]
        }
    }

    // MARK: Counting

    /// Adds one observation at a slot; earlier slots than the series has reached are folded into its newest.
    mutating func add(
        _ labels: [String],
        _ value: Double,
        stamp: Int64,
        at now: Int64,
        from feeder: UInt64
    ) -> Effect {
        var effect = Effect()
        let position = find(labels, stamp: stamp, at: now, &effect)
        if journal?[position] == nil { journal?[position] = series[position] }
        if series[position].feeders & feeder != feeder || series[position].feeders == 0 {
            series[position].feeders |= feeder
            feeders.insert(series[position].feeders)
        }
        newestStamp = max(newestStamp, stamp)
        if stamp > series[position].stamp {
            if series[position].isDirty {
                let closed = (stamp: series[position].stamp, totals: series[position].totals)
                series[position].closed.append(closed)
            }
            series[position].stamp = stamp
        } else if stamp < series[position].stamp {
            effect.late = true
        }
        series[position].touched = now
        switch shape.kind {
        case .counter: series[position].totals[0] += value
        case .gauge: if !effect.late { series[position].totals[0] = value }
        case .histogram(let bounds):
            let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
            series[position].totals[bucket] += 1
            series[position].totals[bounds.count + 1] += value
        }
        markDirty(position)
        return effect
    }

    private mutating func markDirty(_ position: Int) {
        guard !series[position].isDirty else { return }
        series[position].isDirty = true
        dirty.append(position)
    }

    private mutating func find(
        _ labels: [String],
        stamp: Int64,
        at now: Int64,
        _ effect: inout Effect
    ) -> Int {
        if let known = index[labels] { return known }
        var labels = labels
        if series.count >= labelSetsMax, let widest = widestLabel {
            effect.folded = shape.labelNames[widest]
            labels[widest] = LogMetricTable.other
            // Sets with `other` in them come on top, a tenth at most; then everything is `other`.
            if index[labels] == nil, series.count >= labelSetsMax + labelSetsMax / 10 {
                labels = Array(repeating: LogMetricTable.other, count: labels.count)
            }
            if let known = index[labels] { return known }
        }
        let position = series.count
        for (number, value) in labels.enumerated() { values[number].insert(value) }
        index[labels] = position
        series.append(
            Series(
                labels: labels,
                encoded: encode(labels),
                totals: Array(repeating: 0, count: totalsCount),
                stamp: stamp,
                touched: now
            )
        )
        return position
    }

    /// The label with the most values: the one that multiplies the series.
    private var widestLabel: Int? {
        values.indices.max { values[$0].count < values[$1].count }
    }

    private var totalsCount: Int {
        switch shape.kind {
        case .counter, .gauge: 1
        case .histogram(let bounds): bounds.count + 2
        }
    }

    // MARK: Batches and restarts

    /// A batch begins that may have to be taken back.
    mutating func beginJournal() { journal = [:] }

    /// The batch is in.
    mutating func endJournal() { journal = nil }

    /// Takes back what was added since `beginJournal`; a series that was new stays, with nothing in it.
    mutating func undo() {
        for (position, before) in journal ?? [:] {
            series[position] = before
            if before.isDirty { dirty.append(position) }
        }
        journal = nil
    }

    /// What the series that changed since `beginJournal` stand at; of gauges nothing, which have no total.
    func changedTotals(_ source: String) -> [LogTotal] {
        guard shape.kind != .gauge else { return [] }
        return (journal ?? [:]).keys.sorted().map { position in
            LogTotal(
                shape: shape.text,
                labels: series[position].labels,
                totals: series[position].totals,
                stamp: series[position].stamp,
                source: source
            )
        }
    }

    /// What an earlier process left of one set of labels.
    struct Left: Hashable {
        /// In the order of the shape's label names.
        var labels: [String]
        /// As `Series.totals`.
        var totals: [Double]
        /// Of its newest sample, in milliseconds.
        var stamp: Int64
        /// Whether the rings have a sample of it, and whether that is its newest.
        var inRings = InRings.whole
        /// Bits of the sources that are known to have added to it.
        var feeders: UInt64 = 0
    }

    enum InRings {
        case nothing, behind, whole
    }

    /// Goes on from what is left; a set of labels that counts already, or is over the limit, is passed.
    mutating func restore(_ left: Left, at now: Int64) {
        guard index[left.labels] == nil, series.count < labelSetsMax + labelSetsMax / 10 else {
            return
        }
        for (number, value) in left.labels.enumerated() { values[number].insert(value) }
        index[left.labels] = series.count
        series.append(
            Series(
                labels: left.labels,
                encoded: encode(left.labels),
                totals: left.totals,
                stamp: left.stamp,
                isNew: left.inRings == .nothing,
                touched: now,
                feeders: left.feeders
            )
        )
        feeders.insert(left.feeders)
        newestStamp = max(newestStamp, left.stamp)
        if left.inRings != .whole { markDirty(series.count - 1) }
    }

    // MARK: Emission

    /// Moves what changed into the batches.
    ///
    /// - Parameters:
    ///   - zeros: Takes the 0 of each new counter, `heartbeat` before its first sample.
    ///   - samples: Takes one sample a slot and series.
    ///   - heartbeat: In milliseconds.
    mutating func flush(
        zeros: inout SampleBatch,
        samples: inout SampleBatch,
        heartbeat: Int64
    ) {
        for position in dirty {
            var one = series[position]
            if one.isNew, shape.kind != .gauge {
                let first = one.closed.first?.stamp ?? one.stamp
                let nothing = Array(repeating: 0.0, count: totalsCount)
                emit(one.encoded, [(first - heartbeat, nothing)], into: &zeros)
            }
            emit(one.encoded, one.closed + [(one.stamp, one.totals)], into: &samples)
            one.closed = []
            one.isNew = false
            one.isDirty = false
            series[position] = one
        }
        dirty = []
    }

    /// Marks series that have been quiet for `heartbeat` to repeat their value, and forgets those that had no event
    /// since `idleSince`.
    ///
    /// `stamps` says for each set of feeders at which slot.
    mutating func keepAlive(stamps: [UInt64: Int64], heartbeat: Int64, idleSince: Int64) {
        if series.contains(where: { $0.touched < idleSince && !$0.isDirty }) {
            forget(idleSince: idleSince)
        }
        for position in series.indices {
            guard let stamp = stamps[series[position].feeders],
                series[position].stamp <= stamp - heartbeat
            else { continue }
            series[position].stamp = stamp
            markDirty(position)
        }
    }

    private mutating func forget(idleSince: Int64) {
        series.removeAll { $0.touched < idleSince && !$0.isDirty }
        index = [:]
        values = Array(repeating: [], count: shape.labelNames.count)
        dirty = []
        for (position, one) in series.enumerated() {
            index[one.labels] = position
            for (number, value) in one.labels.enumerated() { values[number].insert(value) }
            if one.isDirty { dirty.append(position) }
        }
    }

    private func emit(
        _ encoded: [[UInt8]],
        _ points: [(stamp: Int64, totals: [Double])],
        into batch: inout SampleBatch
    ) {
        for (number, bytes) in encoded.enumerated() {
            let labelStart = batch.labelBytes.count
            let sampleStart = batch.timestamps.count
            batch.labelBytes += bytes
            for point in points {
                batch.timestamps.append(point.stamp)
                batch.values.append(value(number, of: point.totals))
            }
            batch.entries.append(
                SampleBatch.Entry(
                    labels: labelStart..<batch.labelBytes.count,
                    samples: sampleStart..<batch.timestamps.count
                )
            )
        }
    }

    /// The value of the `number`th series of a label set.
    private func value(_ number: Int, of totals: [Double]) -> Double {
        guard case .histogram(let bounds) = shape.kind else { return totals[0] }
        switch number {
        case 0...bounds.count: return totals[0...number].reduce(0, +)
        case bounds.count + 1: return totals[bounds.count + 1]
        default: return totals[0...bounds.count].reduce(0, +)
        }
    }

    private func encode(_ values: [String]) -> [[UInt8]] {
        let labels = zip(shape.labelNames, values).map { Label($0, $1) }
        func series(_ name: String, _ more: [Label] = []) -> [UInt8] {
            var bytes: [UInt8] = []
            LabelEncoding.append(
                LabelSet(labels + more + [Label(LabelSet.metricName, name)]),
                to: &bytes
            )
            return bytes
        }
        guard case .histogram(let bounds) = shape.kind else { return [series(shape.name)] }
        return bounds.map { series(shape.name + "_bucket", [Label("le", LogMetricTable.text($0))]) }
            + [
                series(shape.name + "_bucket", [Label("le", "+Inf")]), series(shape.name + "_sum"),
                series(shape.name + "_count"),
            ]
    }

    /// A bound as Prometheus writes `le`: `0.5`, `1`, `1e+06` would be `1000000` here, which it also reads.
    static func text(_ bound: Double) -> String {
        bound == bound.rounded() && abs(bound) < 1e15 ? "\(Int64(bound))" : "\(bound)"
    }
}
