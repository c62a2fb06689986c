import Rules
import APIModel
package import HTTPServer
import Model
package import SLO
import Spelling
package import Timekeeping

/// `/v1/slos`: every objective's budget, as the contract has it.
package struct BudgetRoutes: Sendable {
    private let tracker: SLOTracker
    private let clock: any WallClock

    package init(tracker: SLOTracker, clock: any WallClock) {
        self.tracker = tracker
        self.clock = clock
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/v1/slos", .blocking(list)),
            HTTPRoute("GET", "/v1/slos/{name}", .blocking(one)),
        ]
    }

    /// Every objective's budget.
    var documents: [BudgetDocument] {
        tracker.statuses(at: clock.now()).map { BudgetDocument($0) }
    }

    @Sendable private func list(_ request: HTTPRequest) -> HTTPResponse {
        DocumentReply.json(SLOListDocument(slos: documents))
    }

    @Sendable private func one(_ request: HTTPRequest) -> HTTPResponse {
        let name = request.pathParameters["name"] ?? ""
        guard let status = tracker.status(of: name, at: clock.now()) else {
            let names = tracker.definitions.map(\.name)
            let advice =
                if let near = NearMiss.nearest(to: name, in: names) {
                    "did you mean \"\(near)\"?"
                } else if names.isEmpty {
                    "none is loaded; add slos: to a rule file"
                } else {
                    "there are: \(names.sorted().joined(separator: ", "))"
                }
            return DocumentReply.problem(404, "not found", "no objective \"\(name)\"; \(advice)")
        }
        return DocumentReply.json(BudgetDocument(status))
    }
}

extension BudgetDocument {
    /// The contract's form of a budget's state.
    init(_ status: BudgetStatus) {
        self.init(
            slo: status.name,
            objective: status.objective,
            window: Window(
                type: status.window.type,
                start: status.window.start.rfc3339,
                end: status.window.end.rfc3339
            ),
            status: status.verdict.rawValue,
            good: status.good,
            total: status.total,
            bad: status.bad,
            attained: status.attained,
            budget: Budget(
                totalEvents: status.budgetEvents,
                consumedRatio: status.consumedRatio,
                remainingRatio: status.remainingRatio,
                remainingEvents: status.remainingEvents,
                remainingSeconds: status.remainingSeconds
            ),
            burn: status.burns.map {
                Burn(
                    window: $0.window.prometheusText,
                    windowSeconds: $0.window.milliseconds / 1000,
                    rate: $0.rate,
                    threshold: $0.threshold,
                    firing: $0.isFiring
                )
            },
            exhaustion: status.exhaustion.map {
                Exhaustion(
                    earliest: $0.earliest.rfc3339,
                    latest: $0.latest?.rfc3339,
                    basis: $0.basis
                )
            },
            recoveryAt: status.recoveryAt?.rfc3339,
            coverage: status.coverage,
            daily: status.days.map {
                Day(
                    date: String($0.start.rfc3339.prefix(10)),
                    good: $0.good,
                    total: $0.total,
                    spentRatio: $0.spentRatio
                )
            },
            measuredSince: status.measuredSince?.rfc3339,
            asOf: status.asOf.rfc3339
        )
    }
}
