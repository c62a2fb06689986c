import Model
import RuleEvaluation
import Rules
import Testing
import Timekeeping

@Suite struct AlertSeverityTests {
    @Test(arguments: [
        ([:], AlertLevel.crit, Priority.p2), (["severity": "critical"], .crit, .p2),
        (["severity": "page"], .crit, .p2), (["severity": "warning"], .warn, .p3),
        (["severity": "Warning"], .warn, .p3), (["severity": "info"], .warn, .p4),
        (["severity": "P1"], .crit, .p1), (["severity": "p3"], .warn, .p3),
        (["priority": "P4"], .warn, .p4), (["priority": "p1", "severity": "warning"], .crit, .p1),
        (["priority": "soon", "severity": "none"], .warn, .p4),
    ])
    func labelsGiveLevelAndPriority(
        _ labels: [String: String],
        _ level: AlertLevel,
        _ priority: Priority
    ) {
        let set = LabelSet(labels.map { Label($0.key, $0.value) })
        #expect(AlertSeverity.level(of: set) == level)
        #expect(AlertSeverity.priority(of: set) == priority)
    }
}

@Suite struct SampleLedgerTests {
    @Test func whatIsAppendedInABatchIsReadInLabelOrderWithinTheRange() throws {
        let ledger = SampleLedger()
        var batch = SampleBatch()
        let long = String(repeating: "v", count: 300)
        batch.append(
            ["__name__": "m", "b": long],
            samples: [1, 2, 3].map(SampleLedgerTests.sample)
        )
        batch.append(["__name__": "m", "a": "é"], samples: [2].map(SampleLedgerTests.sample))
        batch.append(["__name__": "n"], samples: [2].map(SampleLedgerTests.sample))
        let first = ledger.append(batch)
        #expect(first.accepted == 5)
        let again = ledger.append(batch)
        #expect(
            again.refused[.outOfOrder] == 2,
            "the last samples are repetitions, the rest is older"
        )
        let found = try ledger.select(
            SeriesSelection(
                matchers: [LabelMatcher("__name__", equals: "m")],
                range: TimeRange(
                    after: Timestamp(milliseconds: 1000),
                    through: Timestamp(milliseconds: 3000)
                )
            ),
            sampleLimit: 10
        )
        #expect(
            found.map(\.labels) == [["__name__": "m", "a": "é"], ["__name__": "m", "b": long]]
        )
        #expect(found.map { $0.samples.map(\.value) } == [[2], [2, 3]])
        #expect(throws: SeriesReadingError.sampleLimit(2)) {
            try ledger.select(
                SeriesSelection(
                    matchers: [try LabelMatcher("__name__", .matches, "m|n")],
                    range: TimeRange(after: .distantPast, through: .distantFuture)
                ),
                sampleLimit: 2
            )
        }
    }

    private static func sample(_ second: Int64) -> Sample {
        Sample(Timestamp(milliseconds: second * 1000), Double(second))
    }
}
