import ElasticsearchIngest
import Model
import TestSupport
import Testing
import Timekeeping

@Suite struct BulkDecoderTests {
    static let arrival = Timestamp(milliseconds: 1_700_000_000_000)

    static func decode(
        _ body: String,
        index: String? = nil,
        settings: BulkSettings = BulkSettings()
    ) throws(BulkProblem) -> BulkBatch {
        let bytes = Array(body.utf8)
        return try BulkDecoder(settings: settings).decode(
            bytes.span,
            defaultIndex: index,
            arrival: arrival
        )
    }

    /// Fields as text, for comparing.
    static func text(_ fields: [(name: String, value: LogValue)]) -> String {
        func text(_ value: LogValue) -> String {
            switch value {
            case .object(let inner): "{" + self.text(inner) + "}"
            case .array(let values): "[" + values.map(text).joined(separator: " ") + "]"
            case .null: "null"
            case .bool, .integer, .number, .string: value.text
            }
        }
        return fields.map { "\($0.name)=\(text($0.value))" }.joined(separator: " ")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var body: String
        var index: String?
        /// Tag and fields of each record.
        var records: [String]
        /// What becomes of each item: r record, = repeated, a acknowledged, x refused.
        var outcomes: String
        var testDescription: String { what }
    }

    static let cases: [Case] = [
        Case(
            what: "two documents",
            body:
                "{\"index\":{\"_index\":\"a\"}}\n{\"m\":\"x\"}\n{\"create\":{\"_index\":\"b\"}}\n{\"n\":1}\n",
            records: ["a m=x", "b n=1"],
            outcomes: "rr"
        ),
        Case(
            what: "the last newline is missing",
            body: "{\"index\":{}}\n{\"m\":\"x\"}",
            index: "p",
            records: ["p m=x"],
            outcomes: "r"
        ),
        Case(
            what: "lines end with carriage return and newline; blank lines between",
            body:
                "\r\n{\"index\":{}}\r\n{\"m\":\"x\"}\r\n\r\n \n{\"index\":{}}\r\n{\"m\":\"y\"}\r\n",
            index: "p",
            records: ["p m=x", "p m=y"],
            outcomes: "rr"
        ),
        Case(
            what: "the line's index goes before the path's",
            body: "{\"index\":{\"_index\":\"a\"}}\n{}\n{\"index\":{\"_index\":null}}\n{}\n",
            index: "p",
            records: ["a ", "p "],
            outcomes: "rr"
        ),
        Case(
            what: "an index with escapes",
            body: #"{"index":{"_index":"a\u0062c"}}"# + "\n{}\n",
            records: ["abc "],
            outcomes: "r"
        ),
        Case(
            what: "parameters that nobody knows",
            body:
                #"{"index":{"_type":"_doc","routing":"r","x":{"y":[1]},"_index":"a","_id":7}}"#
                + "\n{}\n",
            records: ["a "],
            outcomes: "r"
        ),
        Case(
            what: "a deletion has no document",
            body:
                "{\"delete\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"index\":{\"_index\":\"a\"}}\n{\"m\":1}\n",
            records: ["a m=1"],
            outcomes: "ar"
        ),
        Case(
            what: "updates: of what is there, or put there",
            body: [
                #"{"update":{"_index":"a","_id":"1"}}"#, #"{"doc":{"m":1}}"#,
                #"{"update":{"_index":"a","_id":"2"}}"#, #"{"doc":{"m":2},"doc_as_upsert":true}"#,
                #"{"update":{"_index":"a","_id":"3"}}"#, #"{"script":"s","upsert":{"m":3}}"#,
                #"{"update":{"_index":"a"}}"#, #"{"doc":{"m":4},"doc_as_upsert":true}"#,
            ].joined(separator: "\n"),
            records: ["a m=2", "a m=3"],
            outcomes: "arrx"
        ),
        Case(
            what: "a broken document does not hold up its neighbours",
            body: [
                #"{"index":{}}"#, #"{"m":1}"#, #"{"index":{}}"#, #"{"m":"#, #"{"index":{}}"#,
                #"["m"]"#, #"{"index":{}}"#, #"{"m":1} {}"#, #"{"index":{}}"#, "",
                #"{"index":{}}"#, #"{"m":2}"#,
            ].joined(separator: "\n"),
            index: "p",
            records: ["p m=1", "p m=2"],
            outcomes: "rxxxxr"
        ),
        Case(
            what: "a document nested too deep",
            body: "{\"index\":{}}\n{\"m\":" + String(repeating: "[", count: 40)
                + String(repeating: "]", count: 40) + "}\n{\"index\":{}}\n{\"m\":1}\n",
            index: "p",
            records: ["p m=1"],
            outcomes: "xr"
        ),
        Case(
            what: "all kinds of values",
            body: "{\"index\":{}}\n"
                + #"{"s":"a\nä","i":-3,"n":1.5,"t":true,"z":null,"l":[1,"x"],"o":{"p":{"q":1}},"":0}"#,
            index: "p",
            records: ["p s=a\nä i=-3 n=1.5 t=true z=null l=[1 x] o={p={q=1}} =0"],
            outcomes: "r"
        ),
        Case(
            what: "a name with escapes and names that repeat in other places",
            body: "{\"index\":{}}\n{\"a\\u0062\":1,\"c\":2}\n{\"index\":{}}\n{\"c\":3,\"ab\":4}\n",
            index: "p",
            records: ["p ab=1 c=2", "p c=3 ab=4"],
            outcomes: "rr"
        ),
        Case(
            what: "ids that are none",
            body: [
                #"{"index":{"_id":""}}"#, "{}", #"{"index":{"_id":null}}"#, "{}",
                "{\"index\":{\"_id\":\"\(String(repeating: "i", count: 513))\"}}", "{}",
                "{\"delete\":{}}",
            ].joined(separator: "\n"),
            index: "p",
            records: ["p "],
            outcomes: "xrxx"
        ),
    ]

    @Test(arguments: cases)
    func takesRequestsApart(_ one: Case) throws {
        let batch = try Self.decode(one.body, index: one.index)
        #expect(batch.records.map { "\($0.tag) \(Self.text($0.fields))" } == one.records)
        let outcomes = batch.items.map { item in
            switch item.outcome {
            case .document: "r"
            case .repeated: "="
            case .acknowledged: "a"
            case .refused: "x"
            }
        }
        #expect(outcomes.joined() == one.outcomes)
        #expect(batch.records.allSatisfy { $0.arrivalTime == Self.arrival })
        #expect(batch.ids.count == batch.records.count)
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        var body: String
        var index: String? = "p"
        var words: [String]
        var testDescription: String { body.debugDescription }
    }

    static let faults: [Fault] = [
        Fault(body: "hello\n{}\n", words: ["illegal_argument_exception", "line [1]"]),
        Fault(body: "{\"index\":{}}\n{}\n{\"m\":1}\n", words: ["line [3]", "index, create"]),
        Fault(body: "{\"index\":{}}\n", words: ["line [1] has no document"]),
        Fault(body: "{\"index\":{}} x\n{}\n", words: ["line [1]", "something follows"]),
        Fault(body: "{\"index\":[]}\n{}\n", words: ["START_OBJECT"]),
        Fault(body: "{\"index\":{},\"create\":{}}\n{}\n", words: ["END_OBJECT"]),
        Fault(body: "{}\n{}\n", words: ["FIELD_NAME"]),
        Fault(body: "{\"index\":{\"_id\":[]}}\n{}\n", words: ["expected an id"]),
        Fault(body: "{\"index\":{\"_index\":1}}\n{}\n", words: ["an index name"]),
        Fault(
            body: "\n{\"index\":{}}\n{}\n",
            index: nil,
            words: ["action_request_validation_exception", "index is missing (line 2)"]
        ),
    ]

    @Test(arguments: faults)
    func turnsAwayWholeWhatCannotBeRead(_ fault: Fault) {
        let problem = #expect(throws: BulkProblem.self) {
            try Self.decode(fault.body, index: fault.index)
        }
        for word in fault.words { #expect("\(String(describing: problem))".contains(word)) }
    }

    @Test func memoryIsBounded() {
        var settings = BulkSettings()
        settings.decodedMax = 10_000
        let many = String(repeating: "{\"index\":{}}\n{}\n", count: 100)
        let long = "{\"index\":{}}\n{\"m\":\"\(String(repeating: "x", count: 12_000))\"}\n"
        for body in [many, long] {
            let problem = #expect(throws: BulkProblem.self) {
                try Self.decode(body, index: "p", settings: settings)
            }
            guard case .tooLarge(let reason) = problem else {
                Issue.record("\(String(describing: problem))")
                continue
            }
            #expect(reason.contains("10000"))
            #expect(reason.contains("sources.http_ingest.bulk_max_decoded"))
        }
    }

    @Test(arguments: [
        (#"{"@timestamp":"2023-11-14T22:13:21.500Z"}"#, 1500),
        (#"{"@timestamp":1700000002000}"#, 2000),
        (#"{"@timestamp":"1700000002000"}"#, 2000),
        (#"{"time":"2023-11-14T22:13:23+00:00","m":1}"#, 3000),
        (#"{"time":"2023-11-14T22:13:23Z","@timestamp":"2023-11-14T22:13:24Z"}"#, 4000),
        (#"{"@timestamp":"2023-11-14T22:13:24Z","time":"2023-11-14T22:13:23Z"}"#, 4000),
        (#"{"timestamp":1700000005.25}"#, 5250),
        (#"{"m":{"@timestamp":"2023-11-14T22:13:24Z"}}"#, 0),
        (#"{"@timestamp":"yesterday"}"#, 0),
        (#"{"time":"noon"}"#, 0),
    ])
    func eventTimes(_ document: String, _ offset: Int) throws {
        let batch = try Self.decode("{\"index\":{}}\n\(document)\n", index: "p")
        #expect(batch.records.first?.eventTime == Self.arrival + .milliseconds(offset))
        #expect(batch.unreadableTimes == (document.contains("yesterday") ? 1 : 0))
    }

    @Test func idsAreHashedWithTheirIndex() throws {
        let batch = try Self.decode(
            [
                #"{"index":{"_index":"a","_id":"1"}}"#, "{}",
                #"{"create":{"_index":"a","_id":"1"}}"#,
                "{}", #"{"index":{"_index":"b","_id":"1"}}"#, "{}", #"{"index":{"_index":"a"}}"#,
                "{}",
                #"{"index":{"_index":"a","_id":1}}"#, "{}",
            ].joined(separator: "\n")
        )
        #expect(batch.ids[0] == batch.ids[1])
        #expect(batch.ids[0] != batch.ids[2])
        #expect(batch.ids[3] == nil)
        #expect(batch.ids[4] == batch.ids[0])
    }
}
