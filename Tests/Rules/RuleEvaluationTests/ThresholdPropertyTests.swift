import Model
import RuleEvaluation
import Rules
import TestSupport
import Testing
import Timekeeping

/// The incremental machine against a judge that reads the whole history anew at every slot.
@Suite struct ThresholdPropertyTests {
    @Test(arguments: 0..<400) func bruteForceOverTheWholeHistoryGivesTheSameLevel(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let policy = ThresholdPropertyTests.policy(&random)
        let words = (0..<60).map { _ in ThresholdPropertyTests.word(&random) }
        let restartAt = Int.random(in: 0..<60, using: &random)
        let outcomes = Timeline(words.joined(separator: " ")).outcomes
        var machine = ThresholdStateMachine(policy: policy, bareLabels: ["alertname": "A"])
        for index in outcomes.indices {
            if index == restartAt {
                machine = ThresholdRun.restarted(machine, at: Timeline.slot(index))
            }
            _ = machine.advance(outcomes[index], at: Timeline.slot(index))
            let expected = Oracle(policy).level(of: Array(words[...index]))
            #expect(
                machine.alerts[Timeline.labels]?.record.level == expected,
                "slot \(index) of \(words.joined(separator: " ")) under \(policy)"
            )
        }
    }

    private static func policy(_ random: inout SeededGenerator) -> ThresholdPolicy {
        let needed = Int.random(in: 1...3, using: &random)
        return .levels(
            warn: Int.random(in: 0..<5, using: &random) == 0 ? nil : 3,
            crit: 5,
            clear: Bool.random(using: &random) ? 2 : nil,
            hold: [0, 60, 120, 180].randomElement(using: &random) ?? 0,
            datapoints: Bool.random(using: &random)
                ? (needed, needed + Int.random(in: 0...2, using: &random)) : nil,
            missing: MissingPolicy.allCases.randomElement(using: &random) ?? .hold
        )
    }

    private static func word(_ random: inout SeededGenerator) -> String {
        ["1", "2.5", "4", "4", "6", "6", "_", "N", "x", "?"].randomElement(using: &random)
            ?? "1"
    }
}

/// Reads a whole history by the documented rules, keeping nothing from one slot to the next but the level.
private struct Oracle {
    let policy: ThresholdPolicy

    init(_ policy: ThresholdPolicy) {
        self.policy = policy
    }

    /// One judged evaluation: its slot, verdict and whether it allows the alert to end.
    private struct Judged {
        var slot: Int
        var verdict: ThresholdVerdict
        var clears: Bool
    }

    func level(of words: [String]) -> AlertLevel? {
        let judged = judgements(words)
        var level: AlertLevel?
        var raisedAt = -1
        for index in judged.indices {
            let past = Array(judged[...index])
            let reached: AlertLevel? =
                heldFor(past, .crit) ? .crit : heldFor(past, .warn) ? .warn : nil
            switch level {
            case nil: level = reached
            case .warn: if reached == .crit { level = .crit }
            case .crit:
                if over(past, .crit) {
                    raisedAt = index
                } else if policy.warn != nil, belowFor(past, since: raisedAt) {
                    level = .warn
                }
            }
            if level == .crit, over(past, .crit) { raisedAt = index }
            if level != nil, !over(past, .warn), past[index].clears { level = nil }
        }
        return level
    }

    private func judgements(_ words: [String]) -> [Judged] {
        var judged: [Judged] = []
        var seen = false
        for (slot, word) in words.enumerated() {
            if let value = Double(word) {
                seen = true
                let verdict: ThresholdVerdict =
                    value > 5 ? .crit : policy.warn != nil && value > 3 ? .warn : .clear
                judged.append(
                    Judged(slot: slot, verdict: verdict, clears: policy.clear == nil || value < 2)
                )
            } else if word == "N" || word == "_" {
                // A NaN makes a series known; nothing at all does not.
                seen = seen || word == "N"
                switch policy.missing {
                case .hold: break
                case .ok: judged.append(Judged(slot: slot, verdict: .clear, clears: true))
                case .breach where seen:
                    judged.append(Judged(slot: slot, verdict: .crit, clears: false))
                case .breach: break
                }
            }
        }
        return judged
    }

    /// Whether the condition of `level` holds at the last judgement.
    private func over(_ past: [Judged], _ level: ThresholdVerdict) -> Bool {
        guard let datapoints = policy.datapoints else {
            return past.last.map { $0.verdict >= level } ?? false
        }
        return past.suffix(datapoints.of).count { $0.verdict >= level } >= datapoints.needed
    }

    private func heldFor(_ past: [Judged], _ level: ThresholdVerdict) -> Bool {
        var first: Int?
        for length in stride(from: past.count, to: 0, by: -1) {
            guard over(Array(past.prefix(length)), level) else { break }
            first = past[length - 1].slot
        }
        guard let first, let last = past.last else { return false }
        return Duration.seconds(60 * (last.slot - first)) >= policy.hold
    }

    /// Whether the crit condition has failed for `for`, counted from the first failure after `raisedAt`.
    private func belowFor(_ past: [Judged], since raisedAt: Int) -> Bool {
        guard let last = past.last, raisedAt + 1 < past.count else { return false }
        return Duration.seconds(60 * (last.slot - past[raisedAt + 1].slot)) >= policy.hold
    }
}
