import ElasticsearchIngest
import Model
import TestSupport
import Testing
import Timekeeping

@Suite struct SearchReaderTests {
    static let arrival = Timestamp(milliseconds: 1_700_000_100_000)

    static let whole = """
        {"pit_id":"46To\\"A","took":3,"timed_out":false,"_shards":{"total":3,"successful":3,"skipped":1,\
        "failed":0},"hits":{"max_score":null,"hits":[
        {"_index":"logstash-2026.11.24","_id":"a1","_score":null,"sort":[1700000000123, 4294967298],
         "_source":{"@timestamp":"2023-11-14T22:13:20.123Z","message":"GET / 200","n":1}},
        {"_index":"logs","_id":"ä","_source":{"message":"b","deep":{"x":[1,{"y":null}]}},
         "sort":[1700000000124000000,7],"_ignored":["x"]},
        {"_index":"logs","_id":"c","sort":["2023-11-14T22:13:21.5Z",9]}]}}
        """

    static func read(_ text: String, decodedMax: Int = 1 << 20) throws(PullProblem) -> SearchAnswer
    {
        try SearchReader(decodedMax: decodedMax).search(Array(text.utf8).span, arrival: arrival)
    }

    @Test func readsHitsWithTheirTimesAndDocuments() throws {
        let answer = try Self.read(Self.whole)
        #expect(answer.point == "46To\"A")
        #expect(answer.shards == 3)
        #expect(answer.hits.map(\.id) == ["a1", "ä", "c"])
        #expect(
            answer.hits.map(\.at.milliseconds) == [
                1_700_000_000_123, 1_700_000_000_124, 1_700_000_001_500,
            ]
        )
        #expect(answer.hits[0].sort == "[1700000000123, 4294967298]")
        let first = try #require(answer.hits[0].record)
        #expect(first.tag == "logstash")
        #expect(first.eventTime.milliseconds == 1_700_000_000_123)
        #expect(first.arrivalTime == Self.arrival)
        #expect(first["message"]?.text == "GET / 200")
        // One without an @timestamp bears the time that it is sorted by.
        #expect(answer.hits[1].record?.eventTime.milliseconds == 1_700_000_000_124)
        #expect(answer.hits[2].record == nil)
        #expect(answer.hits[0].key == SearchReader.key("logstash-2026.11.24", "a1"))
        #expect(SearchReader.key("a", "bc") != SearchReader.key("ab", "c"))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var kind: PullProblem.Kind
        var cause: String
        var body: String
        var says: String

        init(
            _ testDescription: String,
            _ kind: PullProblem.Kind,
            _ cause: String,
            _ body: String,
            says: String
        ) {
            self.testDescription = testDescription
            self.kind = kind
            self.cause = cause
            self.body = body
            self.says = says
        }
    }

    static let bad: [Case] = [
        Case(
            "time that ran out is no answer",
            .partial,
            "timed_out",
            #"{"timed_out":true,"_shards":{"total":1,"failed":0},"hits":{"hits":[]}}"#,
            says: "timed out"
        ),
        Case(
            "a failed shard is no answer",
            .partial,
            "shards_failed",
            #"{"hits":{"hits":[]},"timed_out":false,"_shards":{"total":5,"failed":1,"failures":[{"shard":0,"index":"a","reason":{"type":"circuit_breaking_exception","reason":"Data too large"}}]}}"#,
            says: "1 of 5 shards failed"
        ),
        Case(
            "failed shards in a number that is none",
            .partial,
            "shards_failed",
            #"{"timed_out":false,"_shards":{"total":1e400,"failed":99999999999999999999999999},"hits":{"hits":[]}}"#,
            says: "some of"
        ),
        Case(
            "a context that is missing in a shard is a lost point in time",
            .pointLost,
            "point_lost",
            #"{"timed_out":false,"_shards":{"total":1,"failed":1,"failures":[{"reason":{"type":"search_context_missing_exception","reason":"No search context found for id [7]"}}]},"hits":{"hits":[]}}"#,
            says: "No search context found for id [7]"
        ),
        Case(
            "an answer that is cut off",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[{"_index":"#,
            says: "cannot be read"
        ),
        Case("no JSON", .unusable, "malformed", "<html>busy</html>", says: "cannot be read"),
        Case("no object", .unusable, "malformed", "[1]", says: "no object"),
        Case(
            "another service's JSON",
            .unusable,
            "malformed",
            #"{"status":"ok"}"#,
            says: "no hits"
        ),
        Case(
            "hits that are none",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[1]}}"#,
            says: "a hit is none"
        ),
        Case(
            "a hit without its sort",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[{"_index":"a","_id":"b","_source":{}}]}}"#,
            says: "lacks _index, _id or the time"
        ),
        Case(
            "a hit sorted by nothing",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[{"_index":"a","_id":"b","sort":[null,1]}]}}"#,
            says: "lacks _index, _id or the time"
        ),
        Case(
            "a document that is none",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[{"_index":"a","_id":"b","sort":[1,1],"_source":[1]}]}}"#,
            says: "an object"
        ),
        Case(
            "nesting without end",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[{"_source":"# + String(repeating: "{\"a\":", count: 500),
            says: "64"
        ),
        Case(
            "something behind it",
            .unusable,
            "malformed",
            #"{"hits":{"hits":[]}} x"#,
            says: "cannot be read"
        ),
    ]

    @Test(arguments: bad)
    func saysWhatIsWrongWithAnAnswer(_ one: Case) {
        do {
            _ = try Self.read(one.body)
            Issue.record("it was read")
        } catch {
            #expect(error.kind == one.kind)
            #expect(error.cause == one.cause)
            #expect(error.text.contains(one.says), "\(error.text)")
        }
    }

    @Test func everyCutOfAnAnswerIsAnErrorAndNeverAPartOfIt() {
        let bytes = Array(Self.whole.utf8)
        for count in 0..<bytes.count {
            #expect(throws: PullProblem.self) {
                try SearchReader(decodedMax: 1 << 20).search(
                    Array(bytes[..<count]).span,
                    arrival: Self.arrival
                )
            }
        }
    }

    @Test func bytesThatAreChangedAreReadOrRefusedAndNothingElse() {
        let bytes = Array(Self.whole.utf8)
        var random = SeededGenerator(seed: 4)
        for _ in 0..<5000 {
            var broken = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                broken[Int.random(in: 0..<broken.count, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            if let answer = try? SearchReader(decodedMax: 1 << 20).search(
                broken.span,
                arrival: Self.arrival
            ) {
                #expect(answer.hits.count <= 3)
            }
        }
    }

    @Test func memoryOfOneAnswerHasALimit() {
        do {
            _ = try Self.read(Self.whole, decodedMax: 1000)
            Issue.record("it was read")
        } catch {
            #expect(error.kind == .unusable)
            #expect(error.cause == "too_large")
            #expect(error.text.contains("max_decoded"))
        }
    }
}
