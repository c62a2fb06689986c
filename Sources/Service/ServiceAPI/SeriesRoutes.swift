package import HTTPServer
package import MetricStore
import Model
import PromQLSyntax
package import Timekeeping

/// Prometheus's API about series: which there are, their labels, and their newest samples for `/federate`.
package struct SeriesRoutes: Sendable {
    private let store: MetricStore
    private let clock: any WallClock
    private let lookback: Duration

    /// - Parameters:
    ///   - store: The metric rings.
    ///   - clock: The time `/federate` is asked at.
    ///   - lookback: How old a sample may be for `/federate`.
    package init(
        store: MetricStore,
        clock: any WallClock,
        lookback: Duration = .seconds(300)
    ) {
        self.store = store
        self.clock = clock
        self.lookback = lookback
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/api/v1/series", .blocking(series)),
            HTTPRoute("POST", "/api/v1/series", .blocking(series)),
            HTTPRoute("GET", "/api/v1/labels", .blocking(labels)),
            HTTPRoute("POST", "/api/v1/labels", .blocking(labels)),
            HTTPRoute("GET", "/api/v1/label/{name}/values", .blocking(labelValues)),
            HTTPRoute("GET", "/federate", .blocking(federate)),
        ]
    }

    @Sendable private func series(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            guard !parameters.all("match[]").isEmpty else {
                throw PrometheusFailure(
                    type: .badData,
                    message: "no match[] parameter provided"
                )
            }
            let found = try readAll(parameters) { selection throws(SeriesReadingError) in
                try store.labelSets(selection)
            }
            return try reply(Set(found).sorted(), parameters) { $0.labels($1) }
        }
    }

    @Sendable private func labels(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let names = try readAll(parameters) { selection throws(SeriesReadingError) in
                try store.labelNames(selection)
            }
            return try reply(ByteText.sorted(names), parameters) { $0.string($1) }
        }
    }

    @Sendable private func labelValues(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let name = EscapedLabelName.plain(request.pathParameters["name"] ?? "")
            let values = try readAll(parameters) { selection throws(SeriesReadingError) in
                try store.labelValues(name, selection)
            }
            return try reply(ByteText.sorted(values), parameters) { $0.string($1) }
        }
    }

    /// Reads what every selector of the call finds, one after the other; all series when it has none.
    private func readAll<Found>(
        _ parameters: QueryParameters,
        _ read: (SeriesSelection) throws(SeriesReadingError) -> [Found]
    ) throws(PrometheusFailure) -> [Found] {
        let window = try parameters.window()
        var selectors = try parameters.selectors()
        if selectors.isEmpty { selectors = [[]] }
        var found: [Found] = []
        guard window.start < window.end else { return found }
        for matchers in selectors {
            do {
                found += try read(SeriesSelection(matchers: matchers, range: window))
            } catch {
                throw PrometheusFailure(error)
            }
        }
        return found
    }

    private func reply<Item>(
        _ items: [Item],
        _ parameters: QueryParameters,
        _ write: (inout JSONWriter, Item) -> Void
    ) throws(PrometheusFailure) -> HTTPResponse {
        let limit = try parameters.limit("limit") ?? .max
        return PrometheusReply.success(
            warnings: items.count > limit ? [PrometheusReply.truncated] : []
        ) { writer in
            writer.array { writer in
                for item in items.prefix(limit) { write(&writer, item) }
            }
        }
    }

    // MARK: Federation

    private static let newestValue = WindowFunction(.newest) { samples, _ in
        samples[samples.count - 1].value
    }
    private static let newestTime = WindowFunction(.newestTime) { samples, _ in
        samples[samples.count - 1].timestamp.seconds
    }

    /// The newest sample of each selected series, in Prometheus's text format, with its time.
    @Sendable private func federate(_ request: HTTPRequest) -> HTTPResponse {
        do throws(PrometheusFailure) {
            let now = clock.now()
            var newest: [LabelSet: Sample] = [:]
            for matchers in try QueryParameters(request).selectors() {
                let requests = [SeriesRoutes.newestValue, SeriesRoutes.newestTime].map {
                    ColumnRequest(
                        matchers: matchers,
                        function: $0,
                        length: lookback.milliseconds,
                        end: now.milliseconds
                    )
                }
                let columns: [Column]
                do throws(SeriesReadingError) {
                    columns = try store.columns(requests, sampleLimit: .max)
                } catch { throw PrometheusFailure(error) }
                for (row, labels) in columns[0].table.labels.enumerated() {
                    let (value, time) = (columns[0].values[row], columns[1].values[row])
                    guard !Staleness.isMarker(value) else { continue }
                    newest[labels] = Sample(Timestamp(seconds: time), value)
                }
            }
            return HTTPResponse(
                status: 200,
                contentType: "text/plain; version=0.0.4; charset=utf-8",
                FederationText.text(newest)
            )
        } catch {
            return HTTPResponse(
                status: error.type.status,
                contentType: "text/plain; charset=utf-8",
                error.message + "\n"
            )
        }
    }
}
