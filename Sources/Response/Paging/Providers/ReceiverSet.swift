package import Model
package import OnCall

/// The providers of every receiver of a policy, with their secrets read.
package struct ReceiverSet: Sendable {
    private let providers: [String: any PageProvider]

    /// Makes the providers and reads their secrets.
    ///
    /// - Parameters:
    ///   - policy: The on-call file.
    ///   - links: Addresses in messages.
    ///   - secrets: Where secrets are read.
    ///   - settings: The limits of delivery.
    /// - Throws: Every secret that cannot be read or is none, at the place of its receiver.
    package init(
        _ policy: OnCallPolicy,
        links: PageLinks,
        secrets: any SecretReading = SecretFiles(),
        settings: PagingSettings = PagingSettings()
    ) throws(DiagnosticList) {
        var providers: [String: any PageProvider] = [:]
        var problems: [Diagnostic] = []
        for receiver in policy.receivers.values {
            do throws(SecretFailure) {
                providers[receiver.name] = try ReceiverSet.provider(
                    receiver,
                    links,
                    secrets,
                    settings
                )
            } catch {
                problems.append(
                    Diagnostic(receiver.location, "receiver \"\(receiver.name)\": \(error)")
                )
            }
        }
        guard problems.isEmpty else {
            throw DiagnosticList(problems.sorted { $0.location.line < $1.location.line })
        }
        self.providers = providers
    }

    /// Providers made elsewhere, by receiver.
    package init(providers: [String: any PageProvider]) { self.providers = providers }

    /// The provider of a receiver; nil when the policy has none of that name.
    package func provider(_ receiver: String) -> (any PageProvider)? { providers[receiver] }

    private static func provider(
        _ receiver: Receiver,
        _ links: PageLinks,
        _ secrets: any SecretReading,
        _ settings: PagingSettings
    ) throws(SecretFailure) -> any PageProvider {
        switch receiver.kind {
        case .webhook(let url, let secretFile, let format):
            var secret: WebhookSecret?
            if let secretFile {
                secret = try WebhookSecret(text: secrets.secret(at: secretFile), path: secretFile)
            }
            return WebhookProvider(
                receiver: receiver.name,
                url: url,
                secret: secret,
                format: format,
                links: links,
                settings: settings
            )
        case .pagerduty(let url, let keyFile):
            return PagerDutyProvider(
                url: url,
                routingKey: try secrets.secret(at: keyFile),
                links: links,
                settings: settings
            )
        }
    }
}
