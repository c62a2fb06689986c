/// An error of the API under `/v1`: RFC 9457 problem details.
package struct ProblemDocument: Codable, Hashable, Sendable {
    package static let contentType = "application/problem+json"

    package var title: String
    package var status: Int
    /// What, where, and how to mend it.
    package var detail: String?

    package init(title: String, status: Int, detail: String?) {
        self.title = title
        self.status = status
        self.detail = detail
    }
}
