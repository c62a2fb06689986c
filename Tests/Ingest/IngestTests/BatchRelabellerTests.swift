import Ingest
import Model
import TestSupport
import Testing
import Timekeeping

@Suite struct BatchRelabellerTests {
    func batch(_ series: [LabelSet]) -> SampleBatch {
        var batch = SampleBatch()
        for (index, labels) in series.enumerated() {
            batch.append(labels, samples: [Sample(Timestamp(milliseconds: 1), Double(index))])
        }
        return batch
    }

    /// The label sets of a batch, by the value of their one sample.
    func series(_ batch: SampleBatch) -> [Double: LabelSet] {
        var found: [Double: LabelSet] = [:]
        for entry in batch.entries {
            found[batch.values[entry.samples.lowerBound]] = LabelSet(
                decodeLabels(Array(batch.labelBytes[entry.labels])).labels
            )
        }
        return found
    }

    @Test func rulesChangeAndDropSeries() throws {
        let (rules, _) = try RelabelRuleTests.rules(
            """
            - {source_labels: [__name__], regex: "go_.*", action: drop}
            - {regex: pod, action: labeldrop}
            """
        )
        let relabeller = BatchRelabeller(rules, seed: 1)
        for _ in 0..<2 {
            let outcome = relabeller.apply(
                to: batch([
                    ["__name__": "a", "pod": "x"], ["__name__": "go_x"],
                    ["__name__": "b", "c": "d"],
                ])
            )
            #expect(outcome.dropped == 1)
            #expect(
                series(outcome.batch) == [0: ["__name__": "a"], 2: ["__name__": "b", "c": "d"]]
            )
        }
    }

    @Test func aSeriesLeftWithoutLabelsIsDropped() throws {
        let (rules, _) = try RelabelRuleTests.rules("- {regex: x, action: labelkeep}")
        let outcome = BatchRelabeller(rules, seed: 1).apply(to: batch([["__name__": "a"]]))
        #expect(outcome.dropped == 1)
        #expect(outcome.batch.entries.isEmpty)
    }

    @Test func labelsThatCannotBeReadAreLeftToTheStore() throws {
        let (rules, _) = try RelabelRuleTests.rules("- {target_label: a, replacement: b}")
        var batch = SampleBatch()
        batch.labelBytes = [0x0a, 0x05, 0x0a, 0x01, 0xff, 0x12, 0x00]
        batch.timestamps = [1]
        batch.values = [1]
        batch.entries = [SampleBatch.Entry(labels: 0..<7, samples: 0..<1)]
        let outcome = BatchRelabeller(rules, seed: 1).apply(to: batch)
        #expect(outcome.batch.labelBytes == batch.labelBytes)
    }

    /// The relabeller with its memory against rules applied anew each time.
    @Test func rememberedIsTheSameAsComputed() throws {
        let (rules, _) = try RelabelRuleTests.rules(
            """
            - {source_labels: [a], regex: "[02468]", action: drop}
            - {source_labels: [a, b], target_label: c}
            """
        )
        let relabeller = BatchRelabeller(rules, seed: 2)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            let sets: [LabelSet] = (0..<20).map { _ in
                [
                    "__name__": "m", "a": "\(Int.random(in: 0...9, using: &random))",
                    "b": "\(Int.random(in: 0...9, using: &random))",
                ]
            }
            var expected: [Double: LabelSet] = [:]
            for (index, labels) in sets.enumerated() {
                var working = WorkingLabels(labels)
                if rules.apply(to: &working) { expected[Double(index)] = working.labelSet }
            }
            let outcome = relabeller.apply(to: batch(sets))
            #expect(series(outcome.batch) == expected)
            #expect(outcome.dropped == 20 - expected.count)
        }
    }
}
