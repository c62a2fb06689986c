package import Model

/// A place that notifications are sent to.
package struct Receiver: Hashable, Sendable {
    /// How a webhook's body is written.
    package enum WebhookFormat: String, Hashable, Sendable, CaseIterable {
        /// Tocsin's own JSON.
        case tocsin
        /// Alertmanager's webhook body, version 4.
        case alertmanager
    }

    package enum Kind: Hashable, Sendable {
        /// Signed as Standard Webhooks when there is a secret.
        case webhook(url: String, secretFile: String?, format: WebhookFormat)
        /// PagerDuty Events API v2.
        case pagerduty(url: String, routingKeyFile: String)
    }

    package var name: String
    package var kind: Kind
    package var location: SourceLocation

    /// Where PagerDuty takes events; accounts in Europe use `https://events.eu.pagerduty.com/v2/enqueue`.
    package static let pagerdutyURL = "https://events.pagerduty.com/v2/enqueue"

    package init(name: String, kind: Kind, location: SourceLocation) {
        self.name = name
        self.kind = kind
        self.location = location
    }
}
