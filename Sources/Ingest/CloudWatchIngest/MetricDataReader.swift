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

/// Reads one call to its last page and puts the pages together by id.
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
        counters.spentDollars.set(
            Double(counters.metricsRequested.value) * CloudWatchPrice.dollarsPerMetric
        )
        repeat {
            let page: GetMetricDataOutput
            do {
                page = try await client.metricData(input)
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
                samples: partial.values.sorted { $0.key < $1.key }
                    .map { Sample(Timestamp(milliseconds: $0.key), $0.value) },
                outcome: outcome(partial, failure: failure),
                messages: partial.messages
            )
        }
        return CallReading(readings: readings, error: failure)
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
        for (seconds, value) in zip(result.timestamps ?? [], result.values ?? [])
        where seconds.isFinite && abs(seconds) < 1e11 {
            let time = Timestamp(seconds: seconds)
            guard time >= call.start, time < call.end else { continue }
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
