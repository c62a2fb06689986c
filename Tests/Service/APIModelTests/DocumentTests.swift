import APIModel
import Foundation
import Testing

@Suite struct DocumentTests {
    @Test func unknownIsNullAndNeverLeftOut() throws {
        let budget = BudgetDocument.Budget(
            totalEvents: nil,
            consumedRatio: 0.25,
            remainingRatio: nil,
            remainingEvents: -3,
            remainingSeconds: nil
        )
        let data = try APIJSON.encode(budget)
        #expect(
            String(decoding: data, as: UTF8.self)
                == #"{"consumed_ratio":0.25,"remaining_events":-3,"remaining_ratio":null,"#
                + #""remaining_seconds":null,"total_events":null}"#
        )
        #expect(try APIJSON.decode(BudgetDocument.Budget.self, from: data) == budget)
    }

    @Test func slashesStayAsTheyAre() throws {
        let problem = ProblemDocument(title: "a/b", status: 404, detail: nil)
        let text = String(decoding: try APIJSON.encode(problem), as: UTF8.self)
        #expect(text == #"{"status":404,"title":"a/b"}"#)
        let pretty = String(decoding: try APIJSON.encode(problem, isPretty: true), as: UTF8.self)
        #expect(pretty.contains("\n"))
    }

    @Test func whoActsMustBeSaid() throws {
        let action = try APIJSON.decode(
            IncidentActionDocument.self,
            from: Data(#"{"by":"ann","seconds":60,"new":1}"#.utf8)
        )
        #expect(action == IncidentActionDocument(by: "ann", seconds: 60))
        #expect(throws: DecodingError.self) {
            try APIJSON.decode(IncidentActionDocument.self, from: Data("{}".utf8))
        }
    }

    struct Answer: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var json: String
        /// Texts of all values.
        var values: [String]
    }

    static let answers: [Answer] = [
        Answer(
            testDescription: "a vector",
            json:
                #"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1700000000.500,"1e+21"]}]}"#,
            values: ["1700000000.5 1e+21"]
        ),
        Answer(
            testDescription: "a matrix",
            json:
                #"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[0.5,"NaN"]]}]}"#,
            values: ["0.0 1", "0.5 NaN"]
        ),
        Answer(
            testDescription: "a scalar",
            json: #"{"resultType":"scalar","result":[3,"7"]}"#,
            values: ["3.0 7"]
        ),
        Answer(
            testDescription: "nothing",
            json: #"{"resultType":"vector","result":[]}"#,
            values: []
        ),
    ]

    @Test(arguments: answers) func clientsReadEveryKindOfAnswer(_ answer: Answer) throws {
        let reply = try JSONDecoder().decode(
            PrometheusReply<InstantQueryPayload>.self,
            from: Data(#"{"status":"success","data":\#(answer.json),"warnings":["w"]}"#.utf8)
        )
        #expect(reply.warnings == ["w"])
        let points: [InstantQueryPayload.PointValue] =
            switch try #require(reply.data).result {
            case .items(let items):
                items.flatMap { ($0.value.map { [$0] } ?? []) + ($0.values ?? []) }
            case .point(let point): [point]
            }
        #expect(points.map { "\($0.seconds) \($0.text)" } == answer.values)
        let again = try JSONEncoder().encode(reply)
        _ = try JSONDecoder().decode(PrometheusReply<InstantQueryPayload>.self, from: again)
    }

    @Test func clientsReadErrors() throws {
        let reply = try JSONDecoder().decode(
            PrometheusReply<AlertsPayload>.self,
            from: Data(#"{"status":"error","errorType":"timeout","error":"late"}"#.utf8)
        )
        #expect(reply.data == nil)
        #expect(reply.errorType == "timeout")
        #expect(reply.error == "late")
    }
}
