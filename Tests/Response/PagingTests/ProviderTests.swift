import Foundation
import HTTPClient
import Incidents
import Model
import OnCall
import Testing
import Timekeeping

@testable import Paging

@Suite struct ProviderTests {
    /// The bodies of a whole story, one a line; `UPDATE_GOLDEN=1` writes them anew.
    @Test(arguments: ["tocsin", "alertmanager", "pagerduty"])
    func bodiesAreAsTheGoldenFiles(format: String) throws {
        let provider: any PageProvider =
            switch format {
            case "tocsin":
                WebhookProvider(
                    receiver: "phone",
                    url: "http://phone.test/",
                    secret: nil,
                    format: .tocsin,
                    links: Scene.links,
                    settings: PagingSettings()
                )
            case "alertmanager":
                WebhookProvider(
                    receiver: "web.hook",
                    url: "http://chat.test/",
                    secret: nil,
                    format: .alertmanager,
                    links: Scene.links,
                    settings: PagingSettings()
                )
            default:
                PagerDutyProvider(
                    url: "http://duty.test/",
                    routingKey: "KEY",
                    links: Scene.links,
                    settings: PagingSettings()
                )
            }
        var lines = ""
        for page in try Scene.pages() where page.receiver == "phone" {
            let request = try provider.request(for: page, at: Scene.start)
            let body = request.map { String(decoding: $0.body, as: UTF8.self) } ?? "(nothing)"
            lines += "# \(page.kind)\n" + body + (body.hasSuffix("\n") ? "" : "\n")
        }
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/\(format).txt")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try Data(lines.utf8).write(to: path)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == lines)
    }

    @Test func everyBodyIsJSON() throws {
        let page = try #require(try Scene.pages().first)
        let providers: [any PageProvider] = [
            WebhookProvider(
                receiver: "a",
                url: "http://a/",
                secret: nil,
                format: .tocsin,
                links: Scene.links,
                settings: PagingSettings()
            ),
            WebhookProvider(
                receiver: "a",
                url: "http://a/",
                secret: nil,
                format: .alertmanager,
                links: Scene.links,
                settings: PagingSettings()
            ),
            PagerDutyProvider(
                url: "http://a/",
                routingKey: "K",
                links: Scene.links,
                settings: PagingSettings()
            ),
        ]
        var nasty = page
        nasty.incident.alerts[0].summary =
            "quote \" slash \\ control \u{1} line\nfeed \u{2028} 🔔 </script>"
        nasty.incident.alerts[0].value = 1e300
        for provider in providers {
            let request = try #require(try provider.request(for: nasty, at: Scene.start))
            let object = try JSONSerialization.jsonObject(with: Data(request.body))
            #expect(object is [String: Any])
        }
    }

    @Test func aPagerDutySummaryIsCutByCharacters() throws {
        var page = try #require(try Scene.pages().first)
        page.incident.alerts[0].summary = String(repeating: "🔔", count: 2000)
        let provider = PagerDutyProvider(
            url: "http://a/",
            routingKey: "K",
            links: Scene.links,
            settings: PagingSettings()
        )
        let request = try #require(try provider.request(for: page, at: Scene.start))
        let body = try #require(
            try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
        )
        let payload = try #require(body["payload"] as? [String: Any])
        let summary = try #require(payload["summary"] as? String)
        #expect(summary.count == 1024)
        #expect(summary.hasPrefix("[P3] 🔔") && summary.hasSuffix("…"))
    }

    @Test func anEventThatIsTooLargeLosesItsDetails() throws {
        var page = try #require(try Scene.pages().first)
        page.incident.alerts[0].action = String(repeating: "x", count: 600_000)
        let provider = PagerDutyProvider(
            url: "http://a/",
            routingKey: "K",
            links: Scene.links,
            settings: PagingSettings()
        )
        let request = try #require(try provider.request(for: page, at: Scene.start))
        #expect(request.body.count < 512_000)
        let text = String(decoding: request.body, as: UTF8.self)
        #expect(text.contains("left out: the event had"))
        #expect(text.contains("\"event_action\":\"trigger\""))
        page.incident.alerts[0].runbook = "https://r/" + String(repeating: "y", count: 600_000)
        #expect(throws: PageRefusal.self) { try provider.request(for: page, at: Scene.start) }
    }

    @Test func severitiesFollowPriorities() throws {
        let provider = PagerDutyProvider(
            url: "http://a/",
            routingKey: "K",
            links: Scene.links,
            settings: PagingSettings()
        )
        var page = try #require(try Scene.pages().first)
        for (priority, severity) in [
            (Priority.p1, "critical"), (.p2, "error"), (.p3, "warning"), (.p4, "info"),
        ] {
            page.incident.priority = priority
            let request = try #require(try provider.request(for: page, at: Scene.start))
            #expect(
                String(decoding: request.body, as: UTF8.self)
                    .contains("\"severity\":\"\(severity)\"")
            )
        }
    }

    @Test func theWordsSayWhatToDoAtNight() throws {
        let pages = try Scene.pages().filter { $0.receiver == "phone" }
        #expect(
            pages.map { PageText(page: $0, links: Scene.links).body } == [
                """
                [P3] P99Latency service=api: 612.5 ms > 500 ms for 2m
                Since 2026-11-24 11:58:00 UTC (1m ago)
                Do: Scale, investigate
                Runbook: https://runbooks.test/latency
                Incident INC-6ZK3T1Q7F2: https://tocsin.test/ui/incidents/INC-6ZK3T1Q7F2
                Acknowledge by 2026-11-24 16:00:00 UTC: sloctl incident ack INC-6ZK3T1Q7F2
                """,
                """
                [P1] P99Latency service=api: 612.5 ms > 500 ms for 2m
                It got worse.
                Since 2026-11-24 11:58:00 UTC (2m ago)
                Do: Scale, investigate
                Runbook: https://runbooks.test/latency
                Incident INC-6ZK3T1Q7F2: https://tocsin.test/ui/incidents/INC-6ZK3T1Q7F2
                Acknowledge by 2026-11-24 12:16:00 UTC: sloctl incident ack INC-6ZK3T1Q7F2
                """,
                """
                [P1 acknowledged] P99Latency service=api: 612.5 ms > 500 ms for 2m
                Taken by ann.
                Since 2026-11-24 11:58:00 UTC (3m ago)
                Do: Scale, investigate
                Runbook: https://runbooks.test/latency
                Incident INC-6ZK3T1Q7F2: https://tocsin.test/ui/incidents/INC-6ZK3T1Q7F2
                """,
                """
                [P1 resolved] P99Latency service=api: 612.5 ms > 500 ms for 2m
                All its alerts are over.
                Since 2026-11-24 11:58:00 UTC until 2026-11-24 12:05:01 UTC (7m)
                Incident INC-6ZK3T1Q7F2: https://tocsin.test/ui/incidents/INC-6ZK3T1Q7F2
                """,
            ]
        )
    }
}
