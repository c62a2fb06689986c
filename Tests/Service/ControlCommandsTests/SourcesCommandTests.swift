import APIModel
import Testing
import Timekeeping

@testable import ControlCommands

@Suite struct SourcesCommandTests {
    func source(
        _ name: String,
        _ state: String,
        advice: String = "",
        refused: [String: Int] = [:],
        lastError: String = ""
    ) -> SourceDocument {
        SourceDocument(
            name: name,
            on: state != "off",
            state: state,
            advice: advice,
            lastSuccess: state == "ok" ? "2026-11-24T12:00:00Z" : nil,
            watermark: nil,
            lagSeconds: state == "ok" ? 2.2 : nil,
            accepted: 1_234_567,
            refused: refused,
            perSecond: state == "ok" ? 20_700.4 : nil,
            overloads: 0,
            lastError: lastError,
            lastErrorAt: lastError.isEmpty ? nil : "2026-11-24T11:00:00Z"
        )
    }

    @Test func whatIsWrongStandsBelowItsSource() {
        let text = SourcesCommand.text(
            [
                source("cloudwatch", "off", advice: "add an entry to sources.cloudwatch"),
                source(
                    "remote_write",
                    "ok",
                    refused: ["out_of_order": 3, "too_old": 1200],
                    lastError: "series up is out of order"
                ),
                source(
                    "scrape/node",
                    "failing",
                    advice:
                        "3 of 12 targets are down; http://node1:9100/metrics: cannot reach node1:9100: "
                        + "connection refused; start the target, or correct its address",
                    lastError: "3 of 12 targets are down; http://node1:9100/metrics: cannot reach "
                        + "node1:9100: connection refused; start the target, or correct its address"
                ),
            ],
            at: Timestamp(rfc3339: "2026-11-24T12:00:05Z") ?? .distantPast
        )
        #expect(
            text == """
                SOURCE        STATE    LAST OK  LAG  RATE      ACCEPTED   DROPPED
                cloudwatch    off      -        -    -         -          -
                    add an entry to sources.cloudwatch
                remote_write  ok       5s ago   2s   20,700/s  1,234,567  1,203
                    dropped: 1,200 too_old, 3 out_of_order
                    last error 1.0h ago: series up is out of order
                scrape/node   failing  -        -    -         1,234,567  0
                    3 of 12 targets are down; http://node1:9100/metrics: cannot reach node1:9100: connection refused; start the target, or correct its address

                """
        )
    }
}
