import Timekeeping

/// The series that a selector names, in label order.
///
/// Made once and shared by all that read it, never changed: its identity stands for its content, so whatever is
/// derived from the labels (groups, pairs) holds as long as the table is the same object.
package final class SeriesTable: Sendable {
    package let labels: [LabelSet]

    package init(_ labels: [LabelSet]) { self.labels = labels }

    package var count: Int { labels.count }
}

/// One window of a series, as a scan sees it: its samples and its edges.
package struct SeriesWindow {
    /// Edges, milliseconds: `(start, end]`.
    ///
    /// The samples reach further where the request widens the window.
    package var start: Int64
    package var end: Int64
    /// Which step of the request this is.
    package var step: Int
    /// The series' start timestamps; nil when none is known.
    package var starts: StartTimes?

    @inlinable package init(start: Int64, end: Int64, step: Int, starts: StartTimes? = nil) {
        self.start = start
        self.end = end
        self.step = step
        self.starts = starts
    }
}

/// What is computed of the samples of a window, on the thread that owns them.
package struct WindowFunction: Sendable {
    /// Takes at least one sample, oldest first, without staleness markers; answers a value or `Staleness.marker` for none.
    package typealias Scan = @Sendable (Span<Sample>, SeriesWindow) -> Double

    /// A way around the scan that gives the same bits.
    package enum Shortcut: Hashable, Sendable {
        case none
        /// The newest sample's value; absent when the newest is a staleness marker.
        case newest
        /// Like `newest`, but its time in seconds.
        case newestTime
        /// Like `newest`, but its start timestamp in seconds, 0 when it is not known.
        case newestStart
        /// `extrapolatedRate` over the first and last sample and their count, when no reset lies between.
        case extrapolated(isCounter: Bool, isRate: Bool)

        /// True when staleness markers are for the shortcut to judge, not left out beforehand.
        package var seesMarkers: Bool {
            self == .newest || self == .newestTime || self == .newestStart
        }
    }

    package var shortcut: Shortcut
    package var scan: Scan
    /// Tells whether something of a window's start timestamps is to be pointed out.
    ///
    /// Asked only of series that have some, and not where the shortcut sees that all of a window's are one.
    package var notices: (@Sendable (Span<Sample>, SeriesWindow) -> Bool)?

    package init(_ shortcut: Shortcut = .none, scan: @escaping Scan) {
        self.shortcut = shortcut
        self.scan = scan
    }
}

/// A function over the windows of every series that satisfies all matchers, at one or several moments.
package struct ColumnRequest: Sendable {
    package var matchers: [LabelMatcher]
    package var function: WindowFunction
    /// Milliseconds, the length of the window.
    package var length: Int64
    /// The end of the first window, milliseconds since 1970.
    package var end: Int64
    /// Milliseconds from each window's end to the next, positive; windows at least one.
    package var step: Int64
    package var steps: Int
    /// Milliseconds that the samples given to `scan` reach beyond the window at either end.
    package var before: Int64
    package var after: Int64

    package init(
        matchers: [LabelMatcher],
        function: WindowFunction,
        length: Int64,
        end: Int64,
        step: Int64 = 1,
        steps: Int = 1,
        before: Int64 = 0,
        after: Int64 = 0
    ) {
        self.matchers = matchers
        self.function = function
        self.length = length
        self.end = end
        self.step = step
        self.steps = steps
        self.before = before
        self.after = after
    }
}

/// A request's answer.
package struct Column: Sendable {
    /// Series that satisfy the matchers; some may have no value at any step.
    package var table: SeriesTable
    /// Series by series, `steps` values each; the staleness marker's bits where there is none.
    package var values: [Double]
    /// Rows of which the function noticed something in some window, in order.
    package var noticed: [Int]

    package init(table: SeriesTable, values: [Double], noticed: [Int] = []) {
        self.table = table
        self.values = values
        self.noticed = noticed
    }
}

/// Columns by way of the samples themselves, for readers that have no shorter way.
extension SeriesReading {
    package func columns(
        _ requests: [ColumnRequest],
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [Column] {
        var columns: [Column] = []
        for request in requests {
            columns.append(try column(request, sampleLimit: sampleLimit))
        }
        return columns
    }

    private func column(
        _ request: ColumnRequest,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> Column {
        let last = request.end + Int64(request.steps - 1) * request.step
        let start = request.end - request.length - request.before
        let series = try select(
            SeriesSelection(
                matchers: request.matchers,
                range: TimeRange(
                    after: Timestamp(milliseconds: start),
                    through: Timestamp(milliseconds: last + request.after)
                )
            ),
            sampleLimit: sampleLimit
        )
        var values = [Double](
            repeating: Staleness.marker,
            count: series.count * request.steps
        )
        var noticed: [Int] = []
        for (row, one) in series.enumerated() {
            let samples =
                request.function.shortcut.seesMarkers
                ? one.samples : one.samples.filter { !Staleness.isMarker($0.value) }
            let span = samples.span
            ColumnScan.slide(span, request, one.starts) { step, value in
                values[row * request.steps + step] = value
            }
            if let starts = one.starts, ColumnScan.notices(span, request, starts) {
                noticed.append(row)
            }
        }
        return Column(
            table: SeriesTable(series.map(\.labels)),
            values: values,
            noticed: noticed
        )
    }
}

/// Slides a request's windows over the samples of one series.
package enum ColumnScan {
    /// Calls `found` for every step whose window has a value.
    ///
    /// - Parameters:
    ///   - samples: Oldest first; with staleness markers only for the shortcuts `newest` and `newestTime`.
    ///   - request: Windows and function.
    ///   - starts: The series' start timestamps.
    ///   - found: Takes the step and the value.
    @inlinable
    package static func slide(
        _ samples: Span<Sample>,
        _ request: ColumnRequest,
        _ starts: StartTimes? = nil,
        found: (Int, Double) -> Void
    ) {
        var low = 0
        var high = 0
        for step in 0..<request.steps {
            let end = request.end + Int64(step) * request.step
            let start = end - request.length
            while high < samples.count,
                samples[high].timestamp.milliseconds <= end + request.after
            {
                high += 1
            }
            while low < high,
                samples[low].timestamp.milliseconds <= start - request.before
            {
                low += 1
            }
            guard low < high else { continue }
            let value: Double
            switch request.function.shortcut {
            case .newest: value = samples[high - 1].value
            case .newestTime:
                let newest = samples[high - 1]
                value =
                    Staleness.isMarker(newest.value)
                    ? newest.value : newest.timestamp.seconds
            case .newestStart:
                let newest = samples[high - 1]
                let start = starts?[newest.timestamp.milliseconds] ?? 0
                value = Staleness.isMarker(newest.value) ? newest.value : Double(start) / 1000
            case .none, .extrapolated:
                value = request.function.scan(
                    samples.extracting(low..<high),
                    SeriesWindow(start: start, end: end, step: step, starts: starts)
                )
            }
            if !Staleness.isMarker(value) { found(step, value) }
        }
    }

    /// True when the request's function notices something in some window of a series.
    ///
    /// - Parameters:
    ///   - samples: As `slide` takes them.
    ///   - request: Windows and function.
    ///   - starts: The series' start timestamps.
    /// - Returns: False at once for functions that notice nothing.
    package static func notices(
        _ samples: Span<Sample>,
        _ request: ColumnRequest,
        _ starts: StartTimes
    ) -> Bool {
        guard let notices = request.function.notices else { return false }
        var isNoticed = false
        var search = request
        search.function = WindowFunction { samples, window in
            notices(samples, window) ? 1 : Staleness.marker
        }
        slide(samples, search, starts) { _, _ in isNoticed = true }
        return isNoticed
    }
}

/// `rate`, `increase` and `delta` of a plain window: the change between its first and last sample, extrapolated to its edges.
///
/// Follows Prometheus 3's extrapolatedRate operation by operation: the bits depend on the order.
package enum ExtrapolatedRate {
    /// - Parameters:
    ///   - change: The last value minus the first, and for counters plus what resets took away.
    ///   - first: The first sample of the window, at least two.
    ///   - lastTime: Of the last sample, milliseconds.
    ///   - count: Samples in the window, at least two, or one that `countsFromStart`.
    ///   - start: The window is `(start, end]`, milliseconds.
    ///   - end: See `start`.
    ///   - isCounter: Whether the value cannot have been below zero.
    ///   - isRate: Whether to divide by the window's length in seconds.
    ///   - firstStart: The first sample's start timestamp, 0 when it is not known.
    /// - Returns: The change, or the change a second.
    @inlinable
    package static func value(
        change: Double,
        first: Sample,
        lastTime: Int64,
        count: Int,
        start: Int64,
        end: Int64,
        isCounter: Bool,
        isRate: Bool,
        firstStart: Int64 = 0
    ) -> Double {
        if isCounter, countsFromStart(first, firstStart, window: start) {
            return sinceStart(
                change: change,
                first: first,
                lastTime: lastTime,
                count: count,
                start: start,
                end: end,
                isRate: isRate,
                firstStart: firstStart
            )
        }
        var toStart = Double(first.timestamp.milliseconds - start) / 1000
        var toEnd = Double(end - lastTime) / 1000
        let sampled = Double(lastTime - first.timestamp.milliseconds) / 1000
        let average = sampled / Double(count - 1)
        // A gap of up to 1.1 mean intervals is taken as covered; a wider one by half an interval.
        let threshold = average * 1.1
        if toStart >= threshold { toStart = average / 2 }
        if isCounter {
            // A counter was not below zero: extrapolate to its zero point at most.
            var toZero = toStart
            if change > 0, first.value >= 0 { toZero = sampled * (first.value / change) }
            if toZero < toStart { toStart = toZero }
        }
        if toEnd >= threshold { toEnd = average / 2 }
        var factor = (sampled + toStart + toEnd) / sampled
        if isRate { factor /= Double(end - start) / 1000 }
        return change * factor
    }

    /// True when the first sample of a window counts from zero at a moment that lies in the window.
    ///
    /// Then a window of one sample has a value too.
    @inlinable
    package static func countsFromStart(
        _ first: Sample,
        _ firstStart: Int64,
        window start: Int64
    ) -> Bool {
        firstStart != 0 && firstStart > start && firstStart < first.timestamp.milliseconds
    }

    /// The same when the counter began at `firstStart` within the window: the change is counted from there instead of
    /// extrapolating to the window's start.
    @inlinable
    static func sinceStart(
        change: Double,
        first: Sample,
        lastTime: Int64,
        count: Int,
        start: Int64,
        end: Int64,
        isRate: Bool,
        firstStart: Int64
    ) -> Double {
        var toEnd = Double(end - lastTime) / 1000
        var average = 0.0
        if count > 1 {
            average = Double(lastTime - first.timestamp.milliseconds) / 1000 / Double(count - 1)
        }
        let sampled = Double(lastTime - firstStart) / 1000
        if toEnd >= average * 1.1 { toEnd = average / 2 }
        var factor = (sampled + toEnd) / sampled
        if isRate { factor /= Double(end - start) / 1000 }
        return (change + first.value) * factor
    }
}
