import MetricStore
import Model
import TestSupport
import Testing
import Timekeeping

/// The index against matching each series by itself.
@Suite("Label index equals naive matching")
struct MatchingTests {
    static let names = ["__name__", "job", "zone", "path", "empty", "ünïcode.name"]

    static func randomLabels(_ random: inout SeededGenerator) -> LabelSet {
        var labels: LabelSet = [:]
        labels["__name__"] = ["a", "b", "c"].randomElement(using: &random) ?? "a"
        for name in names.dropFirst() where Int.random(in: 0..<3, using: &random) > 0 {
            labels[name] =
                ["", "x", "y", "xy", "web-1", "web-2", "x\ny", "é"].randomElement(using: &random)
                ?? ""
        }
        labels["id"] = "\(Int.random(in: 0..<300, using: &random))"
        return labels
    }

    static func randomMatcher(_ random: inout SeededGenerator) throws -> LabelMatcher {
        let name = (names + ["missing", "id"]).randomElement(using: &random) ?? "job"
        let operation = LabelMatcher.Operation.allCases.randomElement(using: &random) ?? .equal
        let value: String
        switch operation {
        case .equal, .notEqual:
            value =
                ["", "x", "y", "a", "web-1", "7", "é", "nope"].randomElement(using: &random) ?? ""
        case .matches, .doesNotMatch:
            value =
                ["", ".*", ".+", "x|y", "web-.", "x.y", "[ab]", "1.*", "nope", "x?", "(?i)WEB-1"]
                .randomElement(using: &random) ?? ""
        }
        return try LabelMatcher(name, operation, value)
    }

    @Test("random selectors", arguments: 1...4 as ClosedRange<UInt64>)
    func randomSelectors(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let harness = StoreHarness(
            MetricStoreSettings(
                shards: Int(seed % 3) + 1,
                retention: .seconds(3600),
                cachedSelectorsMax: seed % 2 == 0 ? 8 : 1000
            )
        )
        var known: [LabelSet: Timestamp] = [:]
        var asked: [[LabelMatcher]] = []
        for _ in 0..<30 {
            // Series come, and the oldest go.
            var batch = SampleBatch()
            for _ in 0..<30 {
                let labels = MatchingTests.randomLabels(&random)
                known[labels] = harness.clock.now()
                batch.append(labels, samples: [Sample(harness.clock.now(), 1)])
            }
            #expect(harness.store.append(batch).refused.isEmpty)
            if Int.random(in: 0..<4, using: &random) == 0 { harness.store.expire() }
            let oldest = harness.clock.now() - .seconds(3600)
            known = known.filter { $0.value > oldest }
            for _ in 0..<12 {
                var matchers: [LabelMatcher] = []
                if let again = asked.randomElement(using: &random), Bool.random(using: &random) {
                    matchers = again
                } else {
                    for _ in 0..<Int.random(in: 0..<4, using: &random) {
                        matchers.append(try MatchingTests.randomMatcher(&random))
                    }
                }
                asked.append(matchers)
                let found = try harness.select(matchers).map(\.labels)
                let expected = known.keys
                    .filter { labels in matchers.allSatisfy { $0.matches(labels) } }.sorted()
                try #require(found == expected, "\(matchers.map(\.description))")
            }
            harness.clock.advance(by: .seconds(Int64.random(in: 0..<900, using: &random)))
        }
    }
}
