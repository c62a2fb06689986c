import Ingest
import Model
import Timekeeping

/// Turns a target's pages into batches: relabels what is new, ends what has vanished, counts the rest.
///
/// - Source: Prometheus `scrape.scrapeLoop`: a page is taken whole or not at all, and after one that is not, and after
///   a scrape that failed, every series of the target is ended.
struct TargetSamples: Sendable {
    /// What a page held.
    struct Counts: Hashable, Sendable {
        /// Samples on the page.
        var scraped = 0
        /// Those that relabelling left.
        var kept = 0
        /// Series that were not on the page before.
        var added = 0
    }

    /// A batch, what was counted, and what was wrong with the page.
    struct Result: Sendable {
        var batch: SampleBatch
        var counts = Counts()
        var problem: String?
        /// True when the page describes a metric that was not described so before.
        var hasNewMetadata = false
    }

    /// Series about the scrape itself, which every target has.
    private enum Own: Int, CaseIterable {
        case up, duration, scraped, kept, added

        var name: String {
            switch self {
            case .up: "up"
            case .duration: "scrape_duration_seconds"
            case .scraped: "scrape_samples_scraped"
            case .kept: "scrape_samples_post_metric_relabeling"
            case .added: "scrape_series_added"
            }
        }
    }

    private let job: ScrapeJob
    private let labels: [Label]
    private var cache: SeriesCache
    private var page: UInt32 = 0
    private let ownBytes: [UInt8]
    private let ownLabels: [Range<Int>]
    private var ownAreThere = false
    /// Texts that were known after the last good page.
    private var goodCount = 0
    /// Hashes of lines that describe metrics and were seen.
    private var described: Set<Int> = []

    /// - Parameters:
    ///   - job: Rules and limits.
    ///   - labels: What every series of the target bears.
    ///   - seed: For hashes; any number.
    init(_ job: ScrapeJob, labels: LabelSet, seed: UInt64) {
        self.job = job
        self.labels = labels.labels
        cache = SeriesCache(seed: seed)
        var bytes: [UInt8] = []
        ownLabels = Own.allCases.map { own in
            let start = bytes.count
            var series = labels
            series["__name__"] = own.name
            LabelEncoding.append(series, to: &bytes)
            return start..<bytes.count
        }
        ownBytes = bytes
    }

    /// Series that are known, and bytes for them.
    var usage: (series: Int, bytes: Int) { (cache.count, cache.byteCount) }

    // MARK: Scrapes

    /// Takes a page.
    ///
    /// - Parameters:
    ///   - body: The page, unpacked.
    ///   - isOpenMetrics: Its format.
    ///   - time: When it was scraped: the time of samples that bear none.
    /// - Returns: The batch to let in, which on a bad page only ends series.
    mutating func take(_ body: Span<UInt8>, isOpenMetrics: Bool, at time: Timestamp) -> Result {
        page &+= 1
        var result = Result(batch: SampleBatch(latePolicy: .reject))
        result.batch.entries.reserveCapacity(cache.count + 16)
        result.batch.timestamps.reserveCapacity(cache.count + 16)
        result.batch.values.reserveCapacity(cache.count + 16)
        do throws(ExpositionError) {
            try read(body, isOpenMetrics, time, &result)
        } catch {
            result.problem = "\(error)"
        }
        if result.problem == nil, job.samplesMax > 0, result.counts.kept > job.samplesMax {
            result.problem =
                "\(result.counts.kept) samples are over sample_limit \(job.samplesMax); drop some "
                + "with metric_relabel_configs or raise the limit"
        }
        guard result.problem == nil else {
            result.batch = endAll(at: time)
            return result
        }
        // The batch points into the bytes of now: it takes them before they are packed.
        result.batch.labelBytes = cache.labelBytes
        endVanished(at: time, &result.batch)
        return result
    }

    /// Ends every series of the target: it could not be scraped.
    mutating func fail(at time: Timestamp) -> Result {
        Result(batch: endAll(at: time))
    }

    /// The series about the scrape itself, as a batch of their own.
    mutating func report(
        _ counts: Counts,
        isUp: Bool,
        took: Duration,
        at time: Timestamp
    ) -> SampleBatch {
        ownAreThere = true
        return own(
            at: time,
            [
                isUp ? 1 : 0, took.inSeconds, Double(counts.scraped), Double(counts.kept),
                Double(counts.added),
            ]
        )
    }

    /// Ends everything: the target is gone.
    mutating func end(at time: Timestamp) -> [SampleBatch] {
        var batches = [endAll(at: time)]
        if ownAreThere {
            batches.append(
                own(at: time, [Double](repeating: Staleness.marker, count: Own.allCases.count))
            )
        }
        ownAreThere = false
        return batches.filter { $0.sampleCount > 0 }
    }

    private func own(at time: Timestamp, _ values: [Double]) -> SampleBatch {
        var batch = SampleBatch(latePolicy: .reject)
        batch.labelBytes = ownBytes
        for (labels, value) in zip(ownLabels, values) { batch.add(labels, time, value) }
        return batch
    }

    // MARK: Reading

    private mutating func read(
        _ body: Span<UInt8>,
        _ isOpenMetrics: Bool,
        _ time: Timestamp,
        _ result: inout Result
    ) throws(ExpositionError) {
        var reader = ExpositionReader(body, isOpenMetrics: isOpenMetrics)
        var previous = -1
        while true {
            let start = reader.offset
            switch try reader.next() {
            case .end: return
            case .help, .type, .unit:
                var hasher = Hasher()
                for index in start..<reader.offset { hasher.combine(body[index]) }
                if described.insert(hasher.finalize()).inserted { result.hasNewMetadata = true }
            case .sample:
                let index = try series(body, isOpenMetrics, &reader, after: previous, &result)
                cache.touch(index, after: previous, page: page)
                previous = index
                let (value, timestamp) = try reader.value()
                result.counts.scraped += 1
                guard !cache[index].isDropped else { continue }
                result.counts.kept += 1
                let own = job.honorTimestamps ? timestamp : nil
                cache[index].isTracked = own == nil || job.tracksTimestampStaleness
                result.batch.add(
                    cache[index].labels,
                    own.map { Timestamp(milliseconds: $0) } ?? time,
                    value
                )
            }
        }
    }

    /// The entry of the series that comes next on the page, made when the series is new.
    private mutating func series(
        _ body: Span<UInt8>,
        _ isOpenMetrics: Bool,
        _ reader: inout ExpositionReader,
        after previous: Int,
        _ result: inout Result
    ) throws(ExpositionError) -> Int {
        let next = previous < 0 ? (cache.count > 0 ? 0 : -1) : Int(cache[previous].next)
        if next >= 0 {
            let count = cache.expected(next, body, reader.offset)
            if count > 0, reader.pass(known: count) { return next }
        }
        let range = try reader.series()
        let hash = cache.hash(body, range)
        if let known = cache.find(body, range, hash) { return known }
        let labels = try labels(body, isOpenMetrics, range)
        if labels != nil { result.counts.added += 1 }
        return cache.add(body, range, hash, number: page) { bytes in
            if let labels { LabelEncoding.append(labels, to: &bytes) }
        }
    }

    /// The labels that a new series has in the store; nil when a rule drops it.
    private func labels(
        _ body: Span<UInt8>,
        _ isOpenMetrics: Bool,
        _ range: Range<Int>
    ) throws(ExpositionError) -> LabelSet? {
        let written = try SeriesText.labels(body, isOpenMetrics: isOpenMetrics, range)
        func refused(_ reason: String) -> ExpositionError {
            ExpositionError(
                line: SeriesText.lineNumber(body, range.lowerBound),
                reason: "\(LabelSet(written)): \(reason)"
            )
        }
        for index in written.indices
        where written[..<index].contains(where: { $0.name.hasSameBytes(as: written[index].name) }) {
            throw refused("label \(written[index].name) appears twice; write it once")
        }
        var labels = merged(WorkingLabels(written))
        labels.removeAll { $0.value.isEmpty }
        guard job.metricRelabelling.apply(to: &labels) else { return nil }
        guard LabelText.isMetricName(labels["__name__"]) else {
            throw refused("relabelling leaves no name of a metric; see metric_relabel_configs")
        }
        if let problem = overLimit(labels) { throw refused(problem) }
        return labels.labelSet
    }

    /// The page's labels with the target's.
    private func merged(_ written: WorkingLabels) -> WorkingLabels {
        var labels = written
        if job.honorLabels {
            for label in self.labels where !labels.has(label.name) {
                labels.set(label.name, label.value)
            }
            return labels
        }
        var conflicting: [Label] = []
        for label in self.labels {
            let other = labels[label.name]
            if !other.isEmpty { conflicting.append(Label(label.name, other)) }
            labels.set(label.name, label.value)
        }
        for label in conflicting.sorted(by: { $0.name.utf8.count < $1.name.utf8.count }) {
            var name = "exported_" + label.name
            while !labels[name].isEmpty { name = "exported_" + name }
            labels.set(name, label.value)
        }
        return labels
    }

    private func overLimit(_ labels: WorkingLabels) -> String? {
        if job.labelsMax > 0, labels.labels.count > job.labelsMax {
            return "\(labels.labels.count) labels are over label_limit \(job.labelsMax)"
        }
        for label in labels.labels {
            if job.labelNameMax > 0, label.name.utf8.count > job.labelNameMax {
                return "label name \"\(label.name)\" is over label_name_length_limit "
                    + "\(job.labelNameMax)"
            }
            if job.labelValueMax > 0, label.value.utf8.count > job.labelValueMax {
                return "the value of label \"\(label.name)\" is over label_value_length_limit "
                    + "\(job.labelValueMax)"
            }
        }
        return nil
    }

    // MARK: Ends

    /// Ends the series that stood on the good page before and do not on this one, and forgets them.
    private mutating func endVanished(at time: Timestamp, _ batch: inout SampleBatch) {
        var vanished: [Int] = []
        var forgotten = 0
        for index in 0..<cache.count {
            let entry = cache[index]
            let isHere = entry.page == page
            if !isHere { forgotten += 1 }
            if entry.isPresent, !isHere || !entry.isTracked { vanished.append(index) }
            cache[index].isPresent = isHere && entry.isTracked && !entry.isDropped
            cache[index].isTracked = false
        }
        if !vanished.isEmpty {
            // Another text may stand for the same series.
            var here: Set<[UInt8]> = []
            for entry in cache.entries where entry.page == page && !entry.isDropped {
                here.insert(Array(cache.labelBytes[entry.labels]))
            }
            for index in vanished {
                let labels = cache[index].labels
                guard !here.contains(Array(cache.labelBytes[labels])) else { continue }
                batch.add(labels, time, Staleness.marker)
            }
        }
        goodCount = cache.count - forgotten
        if forgotten > 0 { forgetOthers() }
    }

    /// Forgets what does not stand on the newest page.
    private mutating func forgetOthers() {
        let page = page
        cache.keep { $0.page == page }
    }

    private mutating func endAll(at time: Timestamp) -> SampleBatch {
        var batch = SampleBatch(latePolicy: .reject)
        for index in 0..<cache.count {
            if cache[index].isPresent { batch.add(cache[index].labels, time, Staleness.marker) }
            cache[index].isPresent = false
            cache[index].isTracked = false
        }
        batch.labelBytes = cache.labelBytes
        // Bad pages must not fill the cache, each with other series.
        if cache.count > 2 * goodCount + 1000 { forgetOthers() }
        return batch
    }
}

extension SampleBatch {
    /// Adds one sample of a series whose labels are in `labelBytes`, or will be.
    @inline(__always)
    fileprivate mutating func add(_ labels: Range<Int>, _ time: Timestamp, _ value: Double) {
        let place = timestamps.count
        timestamps.append(time.milliseconds)
        values.append(value)
        entries.append(Entry(labels: labels, samples: place..<(place + 1)))
    }
}
