import Model
import Telemetry
import Timekeeping

/// What was read of one query: its points, oldest first, and whether they are all.
struct QueryReading: Sendable {
    var samples: [Sample]
    var outcome: PollOutcome
    /// What CloudWatch said about it; empty when nothing.
    var messages: [String]
}

/// Reads one call: by GetMetricData to its last page, put together by id, or by GetMetricStatistics.
struct MetricDataReader: Sendable {
    let client: CloudWatchClient
    let settings: CloudWatchSettings
    let counters: CloudWatchCounters

    /// Pause before a call that failed is made again.
    static let failurePause = Duration.seconds(30)

    /// Points of one query as they come in.
    private struct Partial {
        var values: [Int64: Double] = [:]
        var status: String?
        var messages: [String] = []
    }

    /// What a call gave: a reading for every query, and the error that ended it early.
    struct CallReading: Sendable {
        var readings: [QueryKey: QueryReading]
        var error: CloudWatchError?
    }

    /// Makes the call and follows its pages.
    ///
    /// A page that fails leaves the queries that were not complete by then as failed; their points are kept,
    /// since they are real, but their range stays owed.
    func read(_ call: PollCall) async -> CallReading {
        if call.isStatistics { return await readStatistics(call) }
        var partials = Array(repeating: Partial(), count: call.queries.count)
        var input = GetMetricDataInput(
            queries: call.queries.enumerated().map { index, query in
                WireMetricDataQuery(
                    id: "q\(index)",
                    metricStat: WireMetricStat(
                        metric: query.key.metric.wire,
                        period: Int(query.key.period.milliseconds / 1000),
                        stat: query.key.statistic.cloudWatch
                    )
                )
            },
            startTime: call.start.seconds,
            endTime: call.end.seconds
        )
        input.maxDatapoints = settings.datapointsPerPage
        input.scanBy = "TimestampAscending"
        var failure: CloudWatchError?
        var pages = 0
        counters.metricsRequested.add(call.queries.count)
        repeat {
            let page: GetMetricDataOutput
            do {
                page = try await client.metricData(input, of: call.queries)
            } catch {
                failure = error
                break
            }
            pages += 1
            for result in page.results ?? [] { take(result, of: call, into: &partials) }
            input.nextToken = page.nextToken
        } while input.nextToken != nil && pages < settings.dataPagesMax
        var readings: [QueryKey: QueryReading] = [:]
        for (query, partial) in zip(call.queries, partials) {
            readings[query.key] = QueryReading(
                samples: Self.samples(partial.values),
                outcome: outcome(partial, failure: failure),
                messages: partial.messages
            )
        }
        return CallReading(readings: readings, error: failure)
    }

    /// Makes the call by GetMetricStatistics: one metric, whose statistics come together.
    private func readStatistics(_ call: PollCall) async -> CallReading {
        guard let first = call.queries.first else { return CallReading(readings: [:]) }
        let names = call.queries.map(\.key.statistic.cloudWatch)
        let isPlain = first.key.statistic.statisticsForm == .plain
        let input = GetMetricStatisticsInput(
            metric: first.key.metric,
            startTime: call.start.seconds,
            endTime: call.end.seconds,
            period: Int(first.key.period.milliseconds / 1000),
            statistics: isPlain ? names : nil,
            extendedStatistics: isPlain ? nil : names
        )
        var values: [QueryKey: [Int64: Double]] = [:]
        var failure: CloudWatchError?
        do {
            let output = try await client.metricStatistics(input, of: call.queries)
            for point in output.datapoints ?? [] {
                guard let time = point.timestamp.flatMap({ Self.time($0, in: call) }) else {
                    continue
                }
                for query in call.queries {
                    guard let value = point.value(of: query.key.statistic) else { continue }
                    values[query.key, default: [:]][time.milliseconds] = value
                }
            }
        } catch {
            failure = error
        }
        var readings: [QueryKey: QueryReading] = [:]
        for query in call.queries {
            readings[query.key] = QueryReading(
                samples: Self.samples(values[query.key] ?? [:]),
                outcome: failure == nil ? .complete : .failed(retryAfter: Self.failurePause),
                messages: []
            )
        }
        return CallReading(readings: readings, error: failure)
    }

    private static func samples(_ values: [Int64: Double]) -> [Sample] {
        values.sorted { $0.key < $1.key }
            .map { Sample(Timestamp(milliseconds: $0.key), $0.value) }
    }

    /// The moment of a point; nil when it is not in the call's range.
    private static func time(_ seconds: Double, in call: PollCall) -> Timestamp? {
        guard seconds.isFinite, abs(seconds) < 1e11 else { return nil }
        let time = Timestamp(seconds: seconds)
        return time >= call.start && time < call.end ? time : nil
    }

    private func take(
        _ result: WireMetricDataResult,
        of call: PollCall,
        into partials: inout [Partial]
    ) {
        guard let id = result.id, id.hasPrefix("q"), let index = Int(id.dropFirst()),
            partials.indices.contains(index)
        else { return }
        // The status of the last page on which an id stands is its own.
        partials[index].status = result.statusCode
        for message in result.messages ?? [] {
            partials[index].messages.append(
                [message.code, message.value].compactMap(\.self).joined(separator: ": ")
            )
        }
        for (seconds, value) in zip(result.timestamps ?? [], result.values ?? []) {
            guard let time = Self.time(seconds, in: call) else { continue }
            partials[index].values[time.milliseconds] = value
        }
    }

    private func outcome(
        _ partial: Partial,
        failure: CloudWatchError?
    ) -> PollOutcome {
        if partial.status == "Complete" { return .complete }
        if failure != nil { return .failed(retryAfter: Self.failurePause) }
        if partial.status == "Forbidden" { return .forbidden }
        return .incomplete
    }
}
