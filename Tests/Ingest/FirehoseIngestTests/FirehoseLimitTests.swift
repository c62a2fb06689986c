import CloudWatchIngest
import Compression
import Cryptography
import FirehoseIngest
import HTTPServer
import Ingest
import MetricStore
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Requests that cannot be read, and those over a limit: nothing of them is in.
@Suite struct FirehoseLimitTests {
    typealias Bench = FirehoseBench

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var body: String
        var headers: [(String, String)] = []
        var gzip = false
        var status = 400
        var cause = "malformed"
        /// Words of the answer.
        var words: String
    }

    static let settings = FirehoseSettings(
        bodyMax: 100_000,
        decodedMax: 200_000,
        recordsMax: 3,
        recordBytesMax: 1000,
        unpackedMax: 50_000,
        pointsMax: 5,
        depthMax: 6,
        dimensionsMax: 2
    )

    /// What each request begins with, so that all or nothing can be told.
    static let good = Bench.update(
        "AWS/RDS",
        "CPUUtilization",
        #""DBInstanceIdentifier":"d""#,
        #""sum":1"#
    )

    static func body(_ record: String) -> String {
        Bench.body([Array(good.utf8), Array(record.utf8)])
    }

    static func body(packed text: String) -> String {
        let packed = (try? Gzip.compress(Array(text.utf8).span)) ?? []
        return Bench.body([Array(good.utf8), packed])
    }

    static let cases: [Case] = [
        Case(testDescription: "nothing", body: "", words: "truncated at byte 0"),
        Case(testDescription: "cut", body: String(body("").dropLast()), words: "truncated"),
        Case(testDescription: "a list", body: "[]", words: "not a JSON object"),
        Case(testDescription: "no records", body: "{}", words: "no records"),
        Case(testDescription: "an id of no text", body: #"{"requestId":1}"#, words: "requestId"),
        Case(
            testDescription: "records of another kind",
            body: #"{"records":1}"#,
            words: "not a list"
        ),
        Case(
            testDescription: "a record of another kind",
            body: #"{"records":[[]]}"#,
            words: "record 0"
        ),
        Case(testDescription: "no data", body: #"{"records":[{"a":1}]}"#, words: "has no data"),
        Case(
            testDescription: "data of another kind",
            body: #"{"records":[{"data":1}]}"#,
            words: "not text"
        ),
        Case(
            testDescription: "no base64",
            body: #"{"records":[{"data":"a"}]}"#,
            words: "not base64"
        ),
        Case(testDescription: "something behind", body: body("") + "x", words: "follows"),
        Case(
            testDescription: "a deeply nested body",
            body: #"{"a":"# + String(repeating: "[", count: 10_000),
            words: "nested deeper than 5"
        ),
        Case(
            testDescription: "no gzip",
            body: "x",
            headers: [("content-encoding", "gzip")],
            words: "corrupt"
        ),
        Case(
            testDescription: "another encoding",
            body: body(""),
            headers: [("content-encoding", "zstd")],
            status: 415,
            cause: "unsupported_encoding",
            words: "zstd"
        ),
        Case(
            testDescription: "another protocol",
            body: body(""),
            headers: [("x-amz-firehose-protocol-version", "2.0")],
            cause: "protocol_version",
            words: "is not 1.0"
        ),
        Case(
            testDescription: "a record of text",
            body: body("hello"),
            words: "record 1: it is neither JSON"
        ),
        Case(
            testDescription: "a record that is cut",
            body: body(#"{"a":"#),
            words: "record 1 cannot be read"
        ),
        Case(testDescription: "a record with more behind", body: body("{} 1"), words: "record 1"),
        Case(testDescription: "a record that is a list", body: body("{}[]"), words: "record 1"),
        Case(
            testDescription: "a record of broken gzip",
            body: Bench.body([[0x1f, 0x8b, 0x08]]),
            words: "record 0: its gzip"
        ),
        Case(
            testDescription: "a deeply nested record",
            body: body(#"{"a":"# + String(repeating: "[", count: 400)),
            cause: "max_depth",
            words: "sources.firehose.max_depth"
        ),
        Case(
            testDescription: "a long body",
            body: String(repeating: " ", count: 100_001),
            status: 413,
            cause: "max_body",
            words: "sources.firehose.max_body"
        ),
        Case(
            testDescription: "a body that unpacks to much",
            body: String(repeating: " ", count: 200_001),
            gzip: true,
            status: 413,
            cause: "max_decoded",
            words: "sources.firehose.max_decoded"
        ),
        Case(
            testDescription: "many records",
            body: Bench.body([[], [], [], []]),
            status: 413,
            cause: "max_records",
            words: "more than 3 records"
        ),
        Case(
            testDescription: "a long record",
            body: body(String(repeating: " ", count: 1001)),
            status: 413,
            cause: "max_record",
            words: "record 1 is longer than 1000 bytes"
        ),
        Case(
            testDescription: "a record that unpacks to much",
            body: body(packed: String(repeating: " ", count: 50_001)),
            status: 413,
            cause: "max_unpacked",
            words: "record 1: its gzip: gzip data is larger than 50000 bytes"
        ),
        Case(
            testDescription: "records that unpack to much together",
            body: Bench.body(
                (0..<2).map { _ in
                    (try? Gzip.compress([UInt8](repeating: 0x20, count: 30_000).span)) ?? []
                }
            ),
            status: 413,
            cause: "max_unpacked",
            words: "sources.firehose.max_unpacked"
        ),
        Case(
            testDescription: "many points",
            body: body(packed: String(repeating: good, count: 5)),
            status: 413,
            cause: "max_points",
            words: "more than 5 data points"
        ),
    ]

    @Test(arguments: cases) func nothingIsIn(_ one: Case) throws {
        let bench = try Bench(["aws_rds_cpuutilization_sum"], settings: Self.settings)
        let response = try bench.post(one.body, headers: one.headers, gzip: one.gzip)
        #expect(response.status == one.status)
        #expect(response.text.contains(one.words), "\(response.text)")
        #expect(
            response.text.hasPrefix(#"{"requestId":"r1","timestamp":1700000400000,"errorMessage":"#)
        )
        #expect(try bench.stored() == [])
        #expect(bench.status?.refused == [one.cause: 1])
        #expect(bench.status?.lastError.contains(one.words) == true)
        // The next request is none the worse for it.
        #expect(try bench.post(Self.body("")).status == 200)
        #expect(try bench.stored().count == 1)
    }

    static let points: [(record: String, cause: String, words: String)] = [
        ("{}", "invalid_point", "has no namespace"),
        (good.replacing("CPUUtilization", with: ""), "invalid_point", "has no metric_name"),
        (good.replacing(#""region""#, with: #""r""#), "invalid_point", "has no region"),
        (good.replacing(#""account_id""#, with: #""a""#), "invalid_point", "has no account_id"),
        (good.replacing(#""timestamp":1"#, with: #""timestamp":-1"#), "invalid_point", "timestamp"),
        (good.replacing(#"{"sum":1}"#, with: "7"), "invalid_point", "has no value"),
        (good.replacing(#"{"sum":1}"#, with: #"{"mean":1}"#), "invalid_point", "no statistic"),
        (good.replacing(#""d""#, with: "1"), "invalid_point", "is not text"),
        (good.replacing(#""d""#, with: #""d","b":"c","e":"f""#), "max_dimensions", "limit 2"),
        (#"{"messageType":"X"}"#, "invalid_event", "type \"X\""),
        (#"{"messageType":"DATA_MESSAGE","logEvents":[{}]}"#, "invalid_event", "has no message"),
    ]

    @Test(arguments: points.indices) func aPointThatCannotBeIsCountedAndItsNeighboursAreIn(
        _ index: Int
    ) throws {
        let one = Self.points[index]
        let bench = try Bench(["aws_rds_cpuutilization_sum"], settings: Self.settings)
        #expect(try bench.post(Self.body(one.record)).status == 200)
        #expect(try bench.stored().count == 1)
        #expect(bench.status?.refused == [one.cause: 1])
        #expect(
            bench.status?.lastError.contains(one.words) == true,
            "\(bench.status?.lastError ?? "")"
        )
    }

    static let exports: [(MetricExport, cause: String, words: String)] = [
        (MetricExport(kind: 5), "invalid_point", "is not a summary"),
        (MetricExport(hasAttributes: false), "invalid_point", "opentelemetry1.0 or json"),
        (MetricExport(resource: []), "invalid_point", "cloud.region"),
        (MetricExport(name: ""), "invalid_point", "MetricName"),
        (
            MetricExport(dimensions: [("a", "1"), ("b", "2"), ("c", "3")]), "max_dimensions",
            "limit 2"
        ),
    ]

    @Test(arguments: exports.indices) func soIsOneOfAnExport(_ index: Int) throws {
        let one = Self.exports[index]
        let bench = try Bench(["aws_rds_cpuutilization_sum"], settings: Self.settings)
        let record = one.0.frame + MetricExport().frame
        #expect(try bench.post(Bench.body([record])).status == 200)
        #expect(try bench.stored().count == 1)
        #expect(bench.status?.refused == [one.cause: 1])
        #expect(
            bench.status?.lastError.contains(one.words) == true,
            "\(bench.status?.lastError ?? "")"
        )
    }

    @Test func anExportThatIsCutIsRefusedWhole() throws {
        let bench = try Bench(["aws_rds_cpuutilization_sum"])
        let frame = MetricExport().frame
        for length in 1..<frame.count {
            let response = try bench.post(Bench.body([Array(frame.prefix(length))]))
            #expect(response.status == 400, "\(length) bytes")
        }
        // A whole frame around a message that is none.
        #expect(try bench.post(Bench.body([[2, 0x0a, 0x7f]])).status == 400)
        #expect(try bench.stored() == [])
    }

    @Test func metricsBeyondTheMemoryAreFoundAnewEachTime() throws {
        let bench = try Bench(["aws_x_y_sum"])
        for index in 0..<150 {
            let response = try bench.deliver(
                Bench.update("X", "Y", #""D":"\#(index)""#, #""sum":1"#)
            )
            #expect(response.status == 200)
        }
        #expect(bench.selection.count == 100)
        #expect(try bench.stored().count == 150)
    }
}
