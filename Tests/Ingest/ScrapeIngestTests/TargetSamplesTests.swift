import Ingest
import Model
import TestSupport
import Testing
import Timekeeping

@testable import ScrapeIngest

@Suite struct TargetSamplesTests {
    let place = SourceLocation(file: "t", line: 1, column: 1)

    func samples(_ change: (inout ScrapeJob) -> Void = { _ in }) -> TargetSamples {
        var job = ScrapeJob(name: "j", location: place)
        change(&job)
        return TargetSamples(job, labels: ["instance": "i", "job": "j"], seed: 1)
    }

    func take(
        _ samples: inout TargetSamples,
        _ page: String,
        at seconds: Int64,
        openMetrics: Bool = false
    ) -> (texts: [String], result: TargetSamples.Result) {
        let bytes = Array(page.utf8)
        let result = samples.take(
            bytes.span,
            isOpenMetrics: openMetrics,
            at: Timestamp(milliseconds: seconds * 1000)
        )
        return (result.batch.texts.sorted(), result)
    }

    static let tail = #"instance="i", job="j"} "#

    @Test func samplesBearTheTargetsLabels() {
        var samples = samples()
        let (texts, result) = take(&samples, "a 1\nb{c=\"d\"} 2 5000\n", at: 10)
        #expect(texts == ["a{\(Self.tail)1.0 @10000", "b{c=\"d\", \(Self.tail)2.0 @5000"])
        #expect(result.counts == TargetSamples.Counts(scraped: 2, kept: 2, added: 2))
        #expect(result.problem == nil)
    }

    @Test func vanishedSeriesEndOnce() {
        var samples = samples()
        _ = take(&samples, "a 1\nb 1\nc 1 3000\n", at: 10)
        let second = take(&samples, "a 2\n", at: 20)
        // `c` bore its own time, so that nobody knows when it ends.
        #expect(second.texts == ["a{\(Self.tail)2.0 @20000", "b{\(Self.tail)stale @20000"])
        #expect(second.result.counts.added == 0)
        #expect(take(&samples, "a 3\n", at: 30).texts == ["a{\(Self.tail)3.0 @30000"])
        let back = take(&samples, "b 4\na 4\n", at: 40)
        #expect(back.texts == ["a{\(Self.tail)4.0 @40000", "b{\(Self.tail)4.0 @40000"])
        #expect(back.result.counts.added == 1)
        #expect(samples.usage.series == 2)
    }

    @Test func timesMayBeTrackedToo() {
        var samples = samples { $0.tracksTimestampStaleness = true }
        _ = take(&samples, "c 1 3000\n", at: 10)
        #expect(take(&samples, "", at: 20).texts == ["c{\(Self.tail)stale @20000"])
    }

    @Test func timesMayBeIgnored() {
        var samples = samples { $0.honorTimestamps = false }
        #expect(take(&samples, "c 1 3000\n", at: 10).texts == ["c{\(Self.tail)1.0 @10000"])
        #expect(take(&samples, "", at: 20).texts == ["c{\(Self.tail)stale @20000"])
    }

    @Test func aBadPageEndsEverythingAndKeepsNothing() {
        var samples = samples()
        _ = take(&samples, "a 1\nb 1\n", at: 10)
        let bad = take(&samples, "a 2\nb\n", at: 20)
        #expect(bad.texts == ["a{\(Self.tail)stale @20000", "b{\(Self.tail)stale @20000"])
        #expect(
            bad.result.problem == "line 2 of the metrics: expected a value, not the end of the line"
        )
        #expect(bad.result.counts.scraped == 1)
        // Ended once, not again.
        #expect(take(&samples, "a 2\nb\n", at: 30).texts == [])
        let good = take(&samples, "a 4\nb 4\n", at: 40)
        #expect(good.texts == ["a{\(Self.tail)4.0 @40000", "b{\(Self.tail)4.0 @40000"])
        #expect(good.result.counts.added == 0)
    }

    @Test func aSeriesUnderTwoTextsIsNotEndedByOne() {
        var samples = samples()
        _ = take(&samples, "a{x=\"1\"} 1\n", at: 10)
        let other = take(&samples, "a{x=\"1\",} 2\n", at: 20)
        #expect(
            other.texts == ["a{\(Self.tail)2.0 @20000".replacing("{i", with: "{i")]
                || other.texts == ["a{instance=\"i\", job=\"j\", x=\"1\"} 2.0 @20000"]
        )
    }

    @Test func conflictingLabelsAreExported() {
        var samples = samples()
        let page = "a{job=\"x\",instance=\"\",exported_job=\"y\"} 1\n"
        #expect(
            take(&samples, page, at: 10).texts == [
                #"a{exported_exported_job="x", exported_job="y", instance="i", job="j"} 1.0 @10000"#
            ]
        )
    }

    @Test func labelsOfThePageMayBeHonored() {
        var samples = samples { $0.honorLabels = true }
        let page = "a{job=\"x\",instance=\"\"} 1\n"
        #expect(take(&samples, page, at: 10).texts == [#"a{job="x"} 1.0 @10000"#])
    }

    @Test func metricRelabellingDropsAndRenames() throws {
        var drop = RelabelRule.Definition()
        drop.sourceLabels = ["__name__"]
        drop.regex = "b.*"
        drop.action = .drop
        var rename = RelabelRule.Definition()
        rename.targetLabel = "__name__"
        rename.sourceLabels = ["__name__"]
        rename.replacement = "x_$1"
        let rules = [try RelabelRule(drop), try RelabelRule(rename)]
        var samples = samples { $0.metricRelabelling = rules }
        for second in [10, 20] as [Int64] {
            let (texts, result) = take(&samples, "a 1\nb1 1\nb2 1\n", at: second)
            #expect(texts == ["x_a{\(Self.tail)1.0 @\(second)000"])
            #expect(result.counts.scraped == 3)
            #expect(result.counts.kept == 1)
            #expect(result.counts.added == (second == 10 ? 1 : 0))
        }
        #expect(take(&samples, "b1 1\n", at: 30).texts == ["x_a{\(Self.tail)stale @30000"])
    }

    @Test(arguments: [
        (
            "a 1\nb 2\n",
            "2 samples are over sample_limit 1; drop some with metric_relabel_configs or "
                + "raise the limit"
        ),
        ("a{b=\"1\",c=\"2\"} 1\n", "5 labels are over label_limit 4"),
        ("a{long_name=\"1\"} 1\n", "label name \"long_name\" is over label_name_length_limit 8"),
        ("a{b=\"123456789\"} 1\n", "the value of label \"b\" is over label_value_length_limit 8"),
        ("a{b=\"1\",b=\"2\"} 1\n", "label b appears twice; write it once"),
        ("a{b=\"\u{fffd}\"} 1\na{b=\"1\"} 1\na 1\n", "3 samples are over sample_limit 1"),
    ])
    func limitsRefuseThePage(_ page: String, _ words: String) {
        var samples = samples {
            $0.samplesMax = 1
            $0.labelsMax = 4
            $0.labelNameMax = 8
            $0.labelValueMax = 8
        }
        let (texts, result) = take(&samples, page, at: 10)
        #expect(texts == [])
        #expect(result.problem?.contains(words) == true, "\(result.problem ?? "")")
    }

    @Test func valuesThatAreNotUTF8RefuseThePage() {
        var samples = samples()
        let bytes = Array("a 1\nb{c=\"".utf8) + [0xff] + Array("\"} 1\n".utf8)
        let result = samples.take(bytes.span, isOpenMetrics: false, at: Timestamp(milliseconds: 0))
        #expect(result.problem == "line 2 of the metrics: the value of label c is not UTF-8")
    }

    @Test func badPagesDoNotFillTheCache() {
        var samples = samples { $0.samplesMax = 10 }
        for round in 0..<10 {
            let page = (0..<600).map { "m{round=\"\(round)\",n=\"\($0)\"} 1\n" }.joined()
            _ = take(&samples, page, at: Int64(round) * 10)
        }
        #expect(samples.usage.series <= 1200)
    }

    @Test func theScrapeItselfIsReportedAndEnded() {
        var samples = samples()
        let time = Timestamp(milliseconds: 5000)
        #expect(samples.end(at: time).isEmpty)
        let report = samples.report(
            TargetSamples.Counts(scraped: 3, kept: 2, added: 1),
            isUp: true,
            took: .milliseconds(250),
            at: time
        )
        #expect(
            report.texts == [
                "up{\(Self.tail)1.0 @5000", "scrape_duration_seconds{\(Self.tail)0.25 @5000",
                "scrape_samples_scraped{\(Self.tail)3.0 @5000",
                "scrape_samples_post_metric_relabeling{\(Self.tail)2.0 @5000",
                "scrape_series_added{\(Self.tail)1.0 @5000",
            ]
        )
        _ = take(&samples, "a 1\n", at: 6)
        let ends = samples.end(at: Timestamp(milliseconds: 7000)).flatMap(\.texts)
        #expect(ends.count == 6)
        #expect(ends.allSatisfy { $0.hasSuffix("stale @7000") })
        #expect(samples.end(at: Timestamp(milliseconds: 8000)).isEmpty)
    }

    /// Pages whose series come, go and change places, against a plain model of the same.
    @Test func aPageReadThroughTheCacheIsTheSameAsReadAnew() {
        var random = SeededGenerator(seed: 11)
        var cached = samples()
        var before: Set<String> = []
        for round in 1...200 {
            var series = (0..<40).filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
                .map { "m\($0 % 7){n=\"\($0)\"}" }
            if Int.random(in: 0..<3, using: &random) == 0 { series.shuffle(using: &random) }
            let page = series.map { "\($0) \(round)\n" }.joined()
            let (texts, result) = take(&cached, page, at: Int64(round))
            var fresh = samples()
            var expected = take(&fresh, page, at: Int64(round)).texts
            let now = Set(series)
            for gone in before.subtracting(now) {
                let name = gone.prefix { $0 != "{" }
                let labels = gone.dropFirst(name.count + 1).dropLast()
                expected.append(
                    "\(name){instance=\"i\", job=\"j\", \(labels)} stale @\(round)000"
                )
            }
            #expect(texts == expected.sorted())
            #expect(result.counts.added == now.subtracting(before).count)
            before = now
        }
    }
}
