import CloudWatchIngest
import Testing

/// Both spellings of statistics.
@Suite struct CloudWatchStatisticTests {
    @Test(arguments: [
        ("Average", "average"), ("Sum", "sum"), ("Minimum", "minimum"), ("Maximum", "maximum"),
        ("SampleCount", "sample_count"), ("IQM", "iqm"), ("p99", "p99"), ("p99.9", "p99_9"),
        ("p5", "p5"), ("p100", "p100"), ("p0.05", "p0_05"), ("tm90", "tm90"), ("wm98.5", "wm98_5"),
        ("tc99", "tc99"), ("ts95", "ts95"), ("PR(:0.5)", "pr_le_0_5"), ("PR(0.5:)", "pr_gt_0_5"),
        ("PR(:300)", "pr_le_300"), ("PR(0.1:0.5)", "pr_gt_0_1_le_0_5"),
        ("PR(10:20)", "pr_gt_10_le_20"), ("TM(10%:90%)", "tm_gt_10_percent_le_90_percent"),
        ("TM(:99.9%)", "tm_le_99_9_percent"), ("TM(2%:)", "tm_gt_2_percent"),
        ("WM(1:10.50)", "wm_gt_1_le_10_50"), ("TC(0.005:)", "tc_gt_0_005"),
        ("TS(80%:)", "ts_gt_80_percent"),
    ]) func bothSpellingsAreReadAndWritten(cloudWatch: String, suffix: String) throws {
        let statistic = try #require(CloudWatchStatistic(cloudWatch: cloudWatch))
        #expect(statistic.suffix == suffix)
        #expect(statistic.cloudWatch == cloudWatch)
        #expect(CloudWatchStatistic(suffix: suffix) == statistic)
    }

    @Test(arguments: [
        "", "average", "AVERAGE", "p", "p101", "p99.", "p.9", "p9.9.9", "P99", "PR", "pr99",
        "pr(:1)",
        "PR()", "PR(:)", "PR(1)", "PR(2:1)", "PR(1:1)", "PR(a:b)", "PR(:50%)", "PR(1:2:3)",
        "PR(-1:2)",
        "TM(10:90%)", "TM(10%:101%)", "p(1:2)", "xx90", "tm", "TM90", "p99 ", "PR(:1", "PR(:1))",
    ]) func whatCloudWatchDoesNotHaveIsRefused(_ text: String) {
        #expect(CloudWatchStatistic(cloudWatch: text) == nil)
    }

    @Test(arguments: [
        "", "Average", "p", "p_99", "p101", "pr", "pr_", "pr_le", "pr_le_", "pr_le_x", "pr_0_5",
        "pr_le_0_5_gt_0_1", "pr_le_1_2_3", "pr_le_50_percent", "pr_gt_2_le_1",
        "tm_gt_1_le_2_percent",
        "p99_9_9", "sample", "count", "pr__0_5_", "tm90_", "_p99", "pr_gt_1_le_2_x",
    ]) func whatIsNoEndOfANameIsRefused(_ text: String) {
        #expect(CloudWatchStatistic(suffix: text) == nil)
    }
}
