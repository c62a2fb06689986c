package import HTTPServer

/// `GET /v1/cost`: what the pull sources cost.
package struct CostRoutes<Document: Encodable & Sendable>: Sendable {
    private let document: @Sendable () -> Document

    /// - Parameter document: Made anew for each request.
    package init(document: @escaping @Sendable () -> Document) {
        self.document = document
    }

    package var routes: [HTTPRoute] {
        [HTTPRoute("GET", "/v1/cost", .blocking { _ in DocumentReply.json(document()) })]
    }
}
