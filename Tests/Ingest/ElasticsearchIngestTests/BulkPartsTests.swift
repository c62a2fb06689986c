import ElasticsearchIngest
import Testing
import Timekeeping

@Suite struct IndexNameTests {
    @Test(arguments: [
        ("logstash-2026.11.24", "logstash"), ("logstash-2026.11", "logstash"),
        ("logs-2026-11-24", "logs"), ("app_20261124", "app"), ("app-2026.11.24.07", "app"),
        ("app-2026.48", "app"), ("app-2026", "app"),
        ("filebeat-8.17.0-2026.11.24-000007", "filebeat-8.17.0"), ("logs-000001", "logs"),
        ("logs-nginx.access-default", "logs-nginx.access-default"), ("http-500", "http-500"),
        ("shop-1.2.3", "shop-1.2.3"), ("2026.11.24", "2026.11.24"), ("a-", "a-"), ("", ""),
        ("day-12.24", "day-12.24"), ("v-9999.12", "v-9999.12"),
    ])
    func tagsLeaveOutDates(_ name: String, _ tag: String) {
        #expect(IndexName(name).tag == tag)
        #expect(IndexName(name).text == name)
    }
}

@Suite struct DocumentTimeTests {
    static let known: [(text: String, milliseconds: Int64)] = [
        ("2026-11-24T07:00:00Z", 1_795_503_600_000),
        ("2026-11-24T07:00:00.1Z", 1_795_503_600_100),
        ("2026-11-24T07:00:00.123456789Z", 1_795_503_600_123),
        ("2026-11-24T07:00:00,5z", 1_795_503_600_500),
        ("2026-11-24T09:30:00+02:30", 1_795_503_600_000),
        ("2026-11-24T02:00:00-0500", 1_795_503_600_000),
        ("2026-11-24T09:00:00+02", 1_795_503_600_000), ("2026-11-24 07:00:00", 1_795_503_600_000),
        ("2026-11-24T07:00", 1_795_503_600_000), ("2026-11-24", 1_795_478_400_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("1795503600", 1_795_503_600_000),
        ("1795503600.25", 1_795_503_600_250), ("1795503600123", 1_795_503_600_123),
        ("1795503600123456", 1_795_503_600_123), ("1795503600123456789", 1_795_503_600_123),
    ]

    @Test(arguments: known)
    func reads(_ text: String, _ milliseconds: Int64) {
        let bytes = Array("xx\(text)yy".utf8)
        let time = DocumentTime.time(text: bytes.span, 2..<bytes.count - 2)
        #expect(time == Timestamp(milliseconds: milliseconds))
    }

    @Test(arguments: [
        "", "now", "2026", "2026-13-01", "2026-11-31", "2023-02-29", "2026-11-24T25:00:00Z",
        "2026-11-24T07:00:00.Z", "2026-11-24T07:00:00Zx", "2026-11-24T07:00:00+2", "-1", "0",
        "1.2.3",
        "2026-11-24T", "99999999999999999999999999", "12:30", "1e9",
    ])
    func isNoTime(_ text: String) {
        // A bare small number is seconds: only what cannot be a time is refused.
        let bytes = Array(text.utf8)
        let time = DocumentTime.time(text: bytes.span, 0..<bytes.count)
        if text == "2026" {
            #expect(time == Timestamp(milliseconds: 2_026_000))
        } else {
            #expect(time == nil)
        }
    }
}

@Suite struct ReplyFilterTests {
    @Test(
        arguments: [
            (nil, ["took"], true), ("", ["took"], true), ("errors", ["errors"], true),
            ("errors", ["took"], false),
            ("errors,items.*.status", ["items", "index", "status"], true),
            ("errors,items.*.status", ["items", "index", "_id"], false),
            ("items", ["items", "index", "_id"], true),
            ("items.*.error", ["items", "x", "error", "type"], true),
            ("**.status", ["items", "index", "status"], true), ("**.status", ["took"], false),
            ("it*s.*.st*s", ["items", "index", "status"], true), ("-took", ["took"], false),
            ("-took", ["errors"], true), ("items,-items.*._id", ["items", "index", "_id"], false),
            ("items,-items.*._id", ["items", "index", "status"], true), (",,.", ["took"], true),
            ("items.*.*.*.*", ["items", "index", "status"], false),
            ("t*o*k", ["took"], true), ("*a*a*a*b", ["aaaaaaaaaaaaaaaaaaaa"], false),
        ] as [(String?, [String], Bool)]
    )
    func names(_ filter: String?, _ path: [String], _ isWanted: Bool) {
        #expect(ReplyFilter(filter).contains(path) == isWanted)
    }
}
