import APIModel
package import HTTPServer
package import Telemetry

/// Health, readiness, reload and the service's own metrics.
package struct ManagementRoutes: Sendable {
    private let readiness: ServiceReadiness
    private let metrics: MetricsRegistry
    private let reload: @Sendable () async -> String?

    /// - Parameters:
    ///   - readiness: Answers `/-/ready`.
    ///   - metrics: What `/metrics` shows.
    ///   - reload: Loads settings and rules again; nil when all went well, else what is wrong.
    package init(
        readiness: ServiceReadiness,
        metrics: MetricsRegistry,
        reload: @escaping @Sendable () async -> String?
    ) {
        self.readiness = readiness
        self.metrics = metrics
        self.reload = reload
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute(
                "GET",
                "/-/healthy",
                .inline { _ in
                    HTTPResponse(status: 200, contentType: "text/plain", "Tocsin is healthy.\n")
                }
            ),
            HTTPRoute("GET", "/-/ready", .inline(ready)),
            HTTPRoute("POST", "/-/reload", .async(reloaded)),
            HTTPRoute("PUT", "/-/reload", .async(reloaded)),
            HTTPRoute("GET", "/metrics", .blocking(scrape)),
            HTTPRoute("GET", "/api/v1/status/buildinfo", .inline(buildInfo)),
        ]
    }

    @Sendable private func ready(_ request: HTTPRequest) -> HTTPResponse {
        guard let missing = readiness.missing else {
            return HTTPResponse(status: 200, contentType: "text/plain", "Tocsin is ready.\n")
        }
        return HTTPResponse(
            status: 503,
            contentType: "text/plain",
            "Tocsin is not ready: \(missing).\n"
        )
    }

    @Sendable private func reloaded(_ request: HTTPRequest) async -> HTTPResponse {
        guard let problem = await reload() else { return HTTPResponse(status: 200) }
        return HTTPResponse(
            status: 500,
            contentType: "text/plain; charset=utf-8",
            "not reloaded; what was running goes on:\n\(problem)\n"
        )
    }

    @Sendable private func scrape(_ request: HTTPRequest) -> HTTPResponse {
        let format = ExpositionFormat(accept: request.header("accept"))
        return HTTPResponse(
            status: 200,
            contentType: format.contentType,
            metrics.exposition(format)
        )
    }

    @Sendable private func buildInfo(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.success { writer in
            writer.map([
                (key: "version", value: ProductVersion.version),
                (key: "revision", value: ""), (key: "branch", value: ""),
                (key: "buildUser", value: ""), (key: "buildDate", value: ""),
                (key: "goVersion", value: ""), (key: "product", value: ProductVersion.product),
            ])
        }
    }
}
