import Buffers
import Model
import Timekeeping

/// Column requests that a shard is busy with; it goes on in slices, so that batches need not wait for the end.
final class ColumnProgress {
    let work: ColumnWork
    fileprivate var part = ColumnWork.Part()
    fileprivate var plan: SelectorCache.Plan?
    fileprivate var selector = 0
    /// Series of the selector's plan that are done.
    fileprivate var done = 0

    init(_ work: ColumnWork) {
        self.work = work
        part.samples = Array(repeating: 0, count: work.requests.count)
        part.noticed = Array(repeating: [], count: work.requests.count)
        part.values = Array(repeating: ColumnValues(count: 0), count: work.requests.count)
    }
}

extension ShardCore {
    /// How long a slice takes, about, before batches get their turn.
    private static let sliceNanoseconds: UInt64 = 2_000_000
    /// Series between looks at the clock.
    private static let stride = 256

    /// Goes on for one slice; true when the requests are answered.
    mutating func advance(_ progress: ColumnProgress) -> Bool {
        let work = progress.work
        let end = MonotonicTime.nanoseconds() + ShardCore.sliceNanoseconds
        var unchecked = 0
        while progress.selector < work.selectors.count, !work.isOverLimit {
            let plan = progress.plan ?? begin(progress)
            let places = progress.done..<min(progress.done + ShardCore.stride, plan.series.count)
            evaluate(progress, plan.series, places)
            progress.done = places.upperBound
            if progress.done == plan.series.count {
                progress.selector += 1
                progress.plan = nil
                progress.done = 0
            }
            unchecked += places.count + 32
            guard unchecked > ShardCore.stride else { continue }
            unchecked = 0
            if MonotonicTime.nanoseconds() > end, progress.selector < work.selectors.count {
                return false
            }
        }
        work.finish(progress.part, shard: number)
        return true
    }

    /// Makes a selector's plan and room for its values.
    private mutating func begin(_ progress: ColumnProgress) -> SelectorCache.Plan {
        let work = progress.work
        let selector = work.selectors[progress.selector]
        let known = selector.known?.versions[number] ?? 0
        let plan = plans.plan(
            selector.reference,
            labelsUnless: known,
            &index,
            storage
        )
        progress.plan = plan
        progress.part.versions.append(plan.version)
        progress.part.labelSets.append(plan.version == known ? nil : plan.labelSets)
        func makeRoom(_ request: Int) {
            let steps = work.requests[request].steps
            let (count, overflow) = plan.series.count.multipliedReportingOverflow(by: steps)
            // Several steps make more values than samples were read: they are limited alike.
            guard !overflow, steps == 1 || count <= min(work.sampleLimit, ColumnWork.valuesMax)
            else {
                work.exceedLimit()
                return
            }
            progress.part.values[request] = ColumnValues(count: count)
        }
        for request in selector.shortcuts { makeRoom(request) }
        for scan in selector.scans { scan.requests.forEach(makeRoom) }
        return plan
    }

    private mutating func evaluate(
        _ progress: ColumnProgress,
        _ series: [UInt32],
        _ places: Range<Int>
    ) {
        let work = progress.work
        guard !work.isOverLimit else { return }
        let selector = work.selectors[progress.selector]
        for number in selector.shortcuts {
            let values = progress.part.values[number]
            let samples = shortcut(
                work.requests[number],
                work.oldest,
                series,
                places,
                values,
                &progress.part.noticed[number]
            )
            count(samples, number, progress)
        }
        for scan in selector.scans {
            for place in places where !work.isOverLimit {
                storage.read(
                    series[place],
                    after: max(scan.start, storage.bound(series[place], oldest: work.oldest)),
                    through: scan.end,
                    keepsMarkers: scan.keepsMarkers,
                    into: &scratch
                )
                guard !scratch.isEmpty else { continue }
                let starts = storage.startTimes(series[place])
                for number in scan.requests {
                    let samples = slide(
                        work.requests[number],
                        isAlone: scan.requests.count == 1,
                        place,
                        starts,
                        progress.part.values[number],
                        &progress.part.noticed[number]
                    )
                    count(samples, number, progress)
                }
            }
        }
    }

    private func count(_ samples: Int, _ request: Int, _ progress: ColumnProgress) {
        progress.part.samples[request] += samples
        if progress.part.samples[request] > progress.work.sampleLimit {
            progress.work.exceedLimit()
        }
    }

    // MARK: One window

    /// Answers a request that has a shortcut for some series of a plan; how many samples that took.
    private mutating func shortcut(
        _ request: ColumnRequest,
        _ oldest: Int64,
        _ series: [UInt32],
        _ places: Range<Int>,
        _ values: ColumnValues,
        _ noticed: inout [UInt32]
    ) -> Int {
        let (low, overflow) = request.end.subtractingReportingOverflow(request.length)
        let start = overflow ? Int64.min : low
        var samples = 0
        let last = series.count - 1
        switch request.function.shortcut {
        case .none: break
        case .newest:
            for place in places {
                storage.prefetchHead(series[min(place &+ 12, last)])
                let value = storage.newestValue(
                    series[place],
                    after: max(start, storage.bound(series[place], oldest: oldest)),
                    through: request.end
                )
                if value.bitPattern != SampleScratch.markerBits { samples += 1 }
                unsafe values.base[place] = value
            }
        case .newestTime:
            for place in places {
                let newest = storage.newestSample(
                    series[place],
                    after: max(start, storage.bound(series[place], oldest: oldest)),
                    through: request.end
                )
                guard let newest, !Staleness.isMarker(newest.value) else { continue }
                unsafe values.base[place] = newest.timestamp.seconds
                samples += 1
            }
        case .newestStart:
            for place in places {
                let newest = storage.newestSample(
                    series[place],
                    after: max(start, storage.bound(series[place], oldest: oldest)),
                    through: request.end
                )
                guard let newest, !Staleness.isMarker(newest.value) else { continue }
                let known = storage.startTimes(series[place])?[newest.timestamp.milliseconds]
                unsafe values.base[place] = Double(known ?? 0) / 1000
                samples += 1
            }
        case .extrapolated(let isCounter, let isRate):
            for place in places {
                // Each step finds in place what the one before it has fetched.
                storage.prefetchHead(series[min(place &+ 18, last)])
                storage.prefetchDirectory(series[min(place &+ 12, last)])
                let near = series[min(place &+ 6, last)]
                let nearBound = storage.bound(near, oldest: oldest)
                storage.prefetchChunk(near, holding: max(start, nearBound))
                let bound = storage.bound(series[place], oldest: oldest)
                let found = storage.extrapolated(
                    series[place],
                    oldest: bound,
                    after: start,
                    through: request.end,
                    isCounter: isCounter,
                    isRate: isRate
                )
                switch found {
                case .value(let value, let count):
                    unsafe values.base[place] = value
                    samples += count
                case .needsScan:
                    let found = scan(request, max(start, bound), start, series[place])
                    unsafe values.base[place] = found.value
                    if found.isNoticed { noticed.append(UInt32(place)) }
                    samples += scratch.count
                }
            }
        }
        return samples
    }

    /// The request's function over all samples of its one window; the staleness marker when there is no value, and
    /// whether something is to be pointed out.
    private mutating func scan(
        _ request: ColumnRequest,
        _ floor: Int64,
        _ start: Int64,
        _ series: UInt32
    ) -> (value: Double, isNoticed: Bool) {
        storage.read(
            series,
            after: floor,
            through: request.end,
            keepsMarkers: false,
            into: &scratch
        )
        guard !scratch.isEmpty else { return (Staleness.marker, false) }
        let window = SeriesWindow(
            start: start,
            end: request.end,
            step: 0,
            starts: storage.startTimes(series)
        )
        let isNoticed =
            window.starts != nil && request.function.notices?(scratch.samples, window) == true
        return (request.function.scan(scratch.samples, window), isNoticed)
    }

    // MARK: Several windows

    /// Answers a request for one series from the samples in the scratch; how many of them it looks at.
    private func slide(
        _ request: ColumnRequest,
        isAlone: Bool,
        _ place: Int,
        _ starts: StartTimes?,
        _ values: ColumnValues,
        _ noticed: inout [UInt32]
    ) -> Int {
        var range = 0..<scratch.count
        if !isAlone {
            let (low, overflow) = request.end.subtractingReportingOverflow(
                request.length + request.before
            )
            let last = request.end + Int64(request.steps - 1) * request.step + request.after
            let first = overflow ? 0 : scratch.firstIndex(after: low)
            range = first..<max(first, scratch.firstIndex(after: last))
        }
        guard !range.isEmpty else { return 0 }
        let target = unsafe values.base + place * request.steps
        let samples = scratch.samples.extracting(range)
        switch request.function.shortcut {
        case .none where request.steps == 1:
            let start = request.end.subtractingReportingOverflow(request.length)
            unsafe target[0] = request.function.scan(
                samples,
                SeriesWindow(
                    start: start.overflow ? .min : start.partialValue,
                    end: request.end,
                    step: 0,
                    starts: starts
                )
            )
        case .extrapolated(let isCounter, let isRate)
        where request.before == 0 && request.after == 0 && (starts == nil || !isCounter):
            ExtrapolatedWindows(isCounter: isCounter, isRate: isRate)
                .slide(samples, request) { step, value in unsafe target[step] = value }
        case .none, .newest, .newestTime, .newestStart, .extrapolated:
            ColumnScan.slide(samples, request, starts) { step, value in
                unsafe target[step] = value
            }
        }
        if let starts, ColumnScan.notices(samples, request, starts) {
            noticed.append(UInt32(place))
        }
        return range.count
    }
}
