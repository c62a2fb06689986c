import FoundationEssentials
import Incidents
import Model
import OnCall
import RuleEvaluation
import Synchronization
import Telemetry
import Timekeeping

/// Plays what rules told against the production incidents in virtual time, and compares what came of it.
///
/// The dispatcher, its state machine, routes, escalations and hours are those of the service; only time and the disk are
/// not. Every message counts as delivered at once.
struct IncidentRehearsal {
    private let rehearsal: ResponseRehearsal
    private let clock: VirtualClock
    private let store = RehearsalStore()
    private let dispatcher: Dispatcher

    /// Deadlines of one test group.
    private static let deadlinesMax = 1_000_000

    /// Adds the cases of a report's incidents and pages to it.
    static func complete(_ report: inout RuleTestReport) async {
        let folder = URL(fileURLWithPath: report.path).deletingLastPathComponent().relativePath
        for rehearsal in report.rehearsals {
            guard let file = rehearsal.expectations.onCallFile else { continue }
            do {
                let path = file.hasPrefix("/") || folder == "." ? file : "\(folder)/\(file)"
                let policy = try OnCallFile.load(path: path)
                report.cases += try await IncidentRehearsal(rehearsal, policy).run()
            } catch let error as DiagnosticList {
                report.problems += error.diagnostics
            } catch {
                report.problems.append(
                    Diagnostic(
                        SourceLocation(file: report.path, line: 1, column: 1),
                        "\(rehearsal.group): \(error)"
                    )
                )
            }
        }
    }

    private init(_ rehearsal: ResponseRehearsal, _ policy: OnCallPolicy) {
        self.rehearsal = rehearsal
        clock = VirtualClock(rehearsal.startedAt)
        dispatcher = Dispatcher(
            policy: policy,
            store: store,
            clock: clock,
            ids: CountedNames(),
            log: .silent,
            metrics: MetricsRegistry()
        )
    }

    private enum Step {
        case turn([AlertTransition])
        case action(ResponseExpectations.Action)
        case incidents(ResponseExpectations.IncidentTest)
        case pages(ResponseExpectations.PageTest)
    }

    /// Steps in order of time; at one time what the rules tell comes first, then what people do, then the tests.
    private var steps: [(at: Timestamp, step: Step)] {
        let start = rehearsal.startedAt
        let expectations = rehearsal.expectations
        var steps: [(at: Timestamp, step: Step)] = rehearsal.turns.map {
            ($0.at, .turn($0.transitions))
        }
        steps += expectations.actions.map { (start + $0.time, .action($0)) }
        steps += expectations.incidentTests.map { (start + $0.time, .incidents($0)) }
        steps += expectations.pageTests.map { (start + $0.time, .pages($0)) }
        return steps.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
    }

    private func run() async throws -> [RuleTestReport.Case] {
        var cases: [RuleTestReport.Case] = []
        for (moment, step) in steps {
            try await advance(to: moment)
            switch step {
            case .turn(let transitions): try await dispatcher.handle(transitions)
            case .action(let action):
                if let failure = try await perform(action) { cases.append(failure) }
            case .incidents(let test): cases.append(check(test))
            case .pages(let test): cases.append(check(test))
            }
        }
        return cases
    }

    /// Does everything that is due until then, each thing at its time.
    private func advance(to moment: Timestamp) async throws {
        for _ in 0..<IncidentRehearsal.deadlinesMax {
            guard let due = await dispatcher.nextDeadline(), due <= moment else { break }
            clock.set(max(due, clock.now()))
            try await dispatcher.tick(at: clock.now())
        }
        clock.set(moment)
    }

    private func perform(
        _ action: ResponseExpectations.Action
    ) async throws -> RuleTestReport.Case? {
        let found = store.incidents.first { incident in
            incident.state != .resolved
                && incident.alerts.contains { alert in
                    alert.alertName == action.alertName
                        && action.labels.allSatisfy { alert.labels[$0.key] == $0.value }
                }
        }
        guard let incident = found else {
            return RuleTestReport.Case(
                group: rehearsal.group,
                subject: "action at \(action.time.prometheusText)",
                kind: .incident,
                location: action.location,
                outcome: .broken(
                    "no incident of \(action.alertName) is there to act on at that time"
                )
            )
        }
        switch action.deed {
        case .acknowledge: try await dispatcher.acknowledge(incident.id, by: action.person)
        case .resolve: try await dispatcher.resolve(incident.id, by: action.person)
        case .snooze(let span):
            try await dispatcher.snooze(incident.id, for: span, by: action.person)
        }
        return nil
    }

    private func check(_ test: ResponseExpectations.IncidentTest) -> RuleTestReport.Case {
        RuleTestReport.Case(
            group: rehearsal.group,
            subject: "incidents at \(test.time.prometheusText)",
            kind: .incident,
            location: test.location,
            outcome: ResponseComparison.outcome(test.expected, store.incidents)
        )
    }

    private func check(_ test: ResponseExpectations.PageTest) -> RuleTestReport.Case {
        RuleTestReport.Case(
            group: rehearsal.group,
            subject: "pages until \(test.time.prometheusText)",
            kind: .page,
            location: test.location,
            outcome: ResponseComparison.outcome(
                test.expected,
                store.pages,
                from: rehearsal.startedAt
            )
        )
    }
}

/// The time of a rehearsal.
private final class VirtualClock: WallClock {
    private let moment: Mutex<Timestamp>

    init(_ moment: Timestamp) { self.moment = Mutex(moment) }

    func now() -> Timestamp { moment.withLock { $0 } }

    func set(_ new: Timestamp) { moment.withLock { $0 = new } }
}

/// Names that count up.
private final class CountedNames: IncidentNaming {
    private let count = Mutex(0)

    func next(at moment: Timestamp) -> IncidentID {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let digits = String(number)
        return IncidentID(
            "INC-" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
        )
    }
}
