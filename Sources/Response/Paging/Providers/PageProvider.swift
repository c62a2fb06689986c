package import HTTPClient
package import Incidents
package import Timekeeping

/// Writes pages as one kind of receiver reads them.
package protocol PageProvider: Sendable {
    /// The request that delivers a page.
    ///
    /// - Parameters:
    ///   - page: What to say. The body depends on nothing else, so that every try sends the same.
    ///   - now: Wall time, for signatures.
    /// - Returns: Nil when the receiver has no use for such a page.
    /// - Throws: `PageRefusal` when the page cannot be written for this receiver.
    func request(for page: Page, at now: Timestamp) throws(PageRefusal) -> HTTPClientRequest?
}

/// Why a page cannot be written for a receiver.
package struct PageRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}
