/// Why bytes are no request that the server reads: the status to answer and the reason in words.
package struct HTTPParseError: Error, Hashable, Sendable {
    package var status: Int
    package var reason: String

    package init(_ status: Int, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    static func malformed(_ reason: String) -> HTTPParseError { HTTPParseError(400, reason) }
}
