package import Incidents

/// Addresses in messages.
package struct PageLinks: Hashable, Sendable {
    /// Where people reach this service, without a slash at the end.
    package var externalURL: String

    package init(externalURL: String) {
        var address = externalURL
        while address.hasSuffix("/") { address.removeLast() }
        self.externalURL = address
    }

    package func incident(_ id: IncidentID) -> String { "\(externalURL)/ui/incidents/\(id)" }

    /// A runbook as a link; nil when it is a path in a repository.
    func runbook(_ runbook: String?) -> String? {
        runbook.flatMap { $0.hasPrefix("https://") || $0.hasPrefix("http://") ? $0 : nil }
    }
}
