package import HTTPClient
package import Incidents
package import OnCall
package import Timekeeping

/// Posts pages to a webhook, signed as Standard Webhooks when there is a secret.
package struct WebhookProvider: PageProvider {
    private let receiver: String
    private let url: String
    private let secret: WebhookSecret?
    private let format: Receiver.WebhookFormat
    private let links: PageLinks
    private let settings: PagingSettings

    package init(
        receiver: String,
        url: String,
        secret: WebhookSecret?,
        format: Receiver.WebhookFormat,
        links: PageLinks,
        settings: PagingSettings
    ) {
        self.receiver = receiver
        self.url = url
        self.secret = secret
        self.format = format
        self.links = links
        self.settings = settings
    }

    package func request(
        for page: Page,
        at now: Timestamp
    ) throws(PageRefusal) -> HTTPClientRequest? {
        let body: [UInt8]
        switch format {
        case .tocsin: body = TocsinBody(page: page, links: links).bytes
        case .alertmanager:
            guard let written = AlertmanagerBody(page: page, receiver: receiver, links: links).bytes
            else { return nil }
            body = written
        }
        var headers = [
            (name: "content-type", value: "application/json"),
            (name: "user-agent", value: "Tocsin"),
            (name: "webhook-id", value: page.id),
        ]
        let seconds = now.milliseconds / 1000
        headers.append((name: "webhook-timestamp", value: "\(seconds)"))
        if let secret {
            headers.append(
                (
                    name: "webhook-signature",
                    value: secret.signature(id: page.id, seconds: seconds, body: body)
                )
            )
        }
        return HTTPClientRequest(
            method: "POST",
            url: url,
            headers: headers,
            body: body,
            timeout: settings.tryTimeout,
            replyMax: settings.replyBytesMax
        )
    }
}
