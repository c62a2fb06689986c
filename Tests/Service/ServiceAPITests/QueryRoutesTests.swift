import HTTPServer
import Model
import Telemetry
import TestSupport
import Testing

@testable import ServiceAPI

@Suite struct QueryRoutesTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var target: String
        var answer: PrometheusAnswer

        init(_ target: String, _ answer: PrometheusAnswer) {
            self.target = target
            self.answer = answer
        }

        var testDescription: String { target }
    }

    private static func rig() throws -> APIRig {
        let rig = try APIRig()
        rig.put(["__name__": "up", "job": "api", "instance": "a"], [1, 1])
        rig.put(["__name__": "up", "job": "api", "instance": "b"], [1, 0])
        rig.put(["__name__": "up", "job": "db", "instance": "c"], [0.5, 0.25])
        rig.put(["__name__": "odd", "kind": "nan"], [.nan])
        rig.put(["__name__": "odd", "kind": "inf"], [-.infinity])
        rig.put(["__name__": "odd", "kind": "tiny"], [1e-7])
        rig.put(["__name__": "odd", "kind": "huge"], [1e21])
        rig.put(["__name__": "odd", "kind": "\"q\\\n<é>"], [-0.0])
        return rig
    }

    private static func vector(_ items: String) -> PrometheusAnswer {
        .data(#"{"resultType":"vector","result":[\#(items)]}"#)
    }

    private static func item(
        _ metric: String,
        _ value: String,
        at time: String = "1700000000"
    )
        -> String
    {
        #"{"metric":{\#(metric)},"value":[\#(time),"\#(value)"]}"#
    }

    private static let a = #""__name__":"up","instance":"a","job":"api""#
    private static let b = #""__name__":"up","instance":"b","job":"api""#
    private static let c = #""__name__":"up","instance":"c","job":"db""#

    private static func matrix(_ items: String) -> PrometheusAnswer {
        .data(#"{"resultType":"matrix","result":[\#(items)]}"#)
    }

    private static func bad(_ message: String) -> PrometheusAnswer {
        .failure(400, "bad_data", message)
    }

    static let instant: [Case] = [
        Case("query=up{job=\"api\"}", vector(item(a, "1") + "," + item(b, "0"))),
        Case(
            "query=up{instance=\"c\"}&time=1700000059.5",
            vector(item(c, "0.25", at: "1700000059.500"))
        ),
        Case(
            "query=up{instance=\"c\"}&time=2023-11-14T22:12:20Z",
            vector(item(c, "0.5", at: "1699999940"))
        ),
        Case("query=up{instance=\"c\"}&time=1600000000", vector("")),
        Case(
            "query=sum by (job) (up)",
            vector(item(#""job":"api""#, "1") + "," + item(#""job":"db""#, "0.25"))
        ),
        Case("query=odd{kind=\"nan\"}", vector(item(#""__name__":"odd","kind":"nan""#, "NaN"))),
        Case("query=odd{kind=\"inf\"}", vector(item(#""__name__":"odd","kind":"inf""#, "-Inf"))),
        Case("query=odd{kind=\"tiny\"}", vector(item(#""__name__":"odd","kind":"tiny""#, "1e-07"))),
        Case("query=odd{kind=\"huge\"}", vector(item(#""__name__":"odd","kind":"huge""#, "1e+21"))),
        Case(
            "query=odd{kind=~\".*é.*\"}",
            vector(item(#""__name__":"odd","kind":"\"q\\\n<é>""#, "-0"))
        ),
        Case("query=1", .data(#"{"resultType":"scalar","result":[1700000000,"1"]}"#)),
        Case(
            "query=1e21&time=1700000000.05",
            .data(#"{"resultType":"scalar","result":[1700000000.05,"1000000000000000000000"]}"#)
        ),
        Case("query=\"x\"&time=-1.5", .data(#"{"resultType":"string","result":[-1.5,"x"]}"#)),
        Case("query=vector(NaN)&time=-1.5", vector(item("", "NaN", at: "-1.500"))),
        Case(
            "query=up{instance=\"c\"}[1m]",
            matrix(#"{"metric":{\#(c)},"values":[[1700000000,"0.25"]]}"#)
        ),
        Case(
            "query=up&limit=1",
            .data(
                #"{"resultType":"vector","result":[\#(item(a, "1"))]}"#,
                warnings: ["results truncated due to limit"]
            )
        ),
        Case(
            "query=1&limit=1&stats=all&nobody=knows",
            .data(#"{"resultType":"scalar","result":[1700000000,"1"]}"#)
        ),
        Case("query=up{instance=\"a\"}&limit=0", vector(item(a, "1"))),
        Case("query=up{instance=\"a\"}&time=1700000120&lookback_delta=60", vector("")),
        Case(
            "query=up{instance=\"a\"}&time=1700000120&lookback_delta=3m",
            vector(item(a, "1", at: "1700000120"))
        ),
        Case(
            "query=up{instance=\"a\"}&time=1700000120&lookback_delta=-1",
            vector(item(a, "1", at: "1700000120"))
        ),
        Case(
            "query=up&limit=x",
            bad(#"invalid parameter "limit": cannot parse "x" to a whole number"#)
        ),
        Case("query=up&limit=-1", bad(#"invalid parameter "limit": limit must be non-negative"#)),
        Case(
            "query=up&lookback_delta=x",
            bad(
                #"error parsing lookback delta duration: invalid parameter "lookback_delta": cannot parse "x" to a valid duration"#
            )
        ),
        Case(
            "",
            bad(
                #"invalid parameter "query": unknown position: parse error: no expression found in input"#
            )
        ),
        Case(
            "query=up ==",
            bad(#"invalid parameter "query": 1:6: parse error: unexpected end of input"#)
        ),
        Case(
            "query=up&time=foo",
            bad(
                #"invalid parameter "time": Invalid time value for 'time': cannot parse "foo" to a valid timestamp"#
            )
        ),
        Case(
            "query=up&time=1e300",
            bad(
                #"invalid parameter "time": Invalid time value for 'time': cannot parse "1e300" to a valid timestamp"#
            )
        ),
        Case(
            "query=up&timeout=abc",
            bad(#"invalid parameter "timeout": cannot parse "abc" to a valid duration"#)
        ),
        Case(
            "query=up&timeout=1e300",
            bad(
                #"invalid parameter "timeout": cannot parse "1e300" to a valid duration. It overflows int64"#
            )
        ),
        Case(
            "query=up&timeout=0",
            .failure(503, "timeout", "query timed out in expression evaluation")
        ),
        Case(
            "query=up&timeout=-5",
            .failure(503, "timeout", "query timed out in expression evaluation")
        ),
        Case(
            "query=label_replace(up,\"job\",\"$1\",\"job\",\"[\")",
            .failure(
                422,
                "execution",
                "invalid regular expression in label_replace(): ["
            )
        ),
    ]

    @Test(arguments: instant) func answersInstantQueries(_ one: Case) async throws {
        let rig = try Self.rig()
        let byGet = try await rig.calls.answer("GET", "/api/v1/query?\(one.target)")
        one.answer.expect(byGet, "GET")
        let byPost = try await rig.calls.answer("POST", "/api/v1/query", form: one.target)
        one.answer.expect(byPost, "POST")
    }

    static let range: [Case] = [
        Case(
            "query=up{job=\"api\"}&start=1699999940&end=1700000000&step=60",
            matrix(
                #"{"metric":{\#(a)},"values":[[1699999940,"1"],[1700000000,"1"]]},"#
                    + #"{"metric":{\#(b)},"values":[[1699999940,"1"],[1700000000,"0"]]}"#
            )
        ),
        Case(
            "query=vector(2)&start=0&end=1.5&step=500ms",
            matrix(#"{"metric":{},"values":[[0,"2"],[0.500,"2"],[1,"2"],[1.500,"2"]]}"#)
        ),
        Case("query=3&start=0&end=1&step=1", matrix(#"{"metric":{},"values":[[0,"3"],[1,"3"]]}"#)),
        Case("query=nothing&start=0&end=11000&step=1", matrix("")),
        Case(
            "query=up&start=1700000000&end=1700000000&step=1&limit=1",
            .data(
                #"{"resultType":"matrix","result":[{"metric":{\#(a)},"values":[[1700000000,"1"]]}]}"#,
                warnings: ["results truncated due to limit"]
            )
        ),
        Case("query=up", bad(#"invalid parameter "start": cannot parse "" to a valid timestamp"#)),
        Case(
            "query=up&start=1",
            bad(#"invalid parameter "end": cannot parse "" to a valid timestamp"#)
        ),
        Case(
            "query=up&start=2&end=1",
            bad(
                #"invalid parameter "end": end timestamp must not be before start time"#
            )
        ),
        Case(
            "query=up&start=1&end=2",
            bad(#"invalid parameter "step": cannot parse "" to a valid duration"#)
        ),
        Case(
            "query=up&start=1&end=2&step=x",
            bad(#"invalid parameter "step": cannot parse "x" to a valid duration"#)
        ),
        Case(
            "query=up&start=1&end=2&step=0",
            bad(
                #"invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer"#
            )
        ),
        Case(
            "query=up&start=1&end=2&step=-1",
            bad(
                #"invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer"#
            )
        ),
        Case(
            "query=up&start=0&end=11001&step=1",
            bad(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                    + "Try decreasing the query resolution (?step=XX)"
            )
        ),
        Case(
            "query=up[1m]&start=1&end=2&step=1",
            bad(
                #"invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector"#
            )
        ),
        Case(
            "query=&start=1&end=2&step=1",
            bad(
                #"invalid parameter "query": unknown position: parse error: no expression found in input"#
            )
        ),
    ]

    @Test(arguments: range) func answersRangeQueries(_ one: Case) async throws {
        let rig = try Self.rig()
        let byGet = try await rig.calls.answer("GET", "/api/v1/query_range?\(one.target)")
        one.answer.expect(byGet, "GET")
        let byPost = try await rig.calls.answer("POST", "/api/v1/query_range", form: one.target)
        one.answer.expect(byPost, "POST")
    }

    static let printed: [Case] = [
        Case("query=a+b", .data(#""a + b""#)),
        Case(
            "query=sum(rate(x{b=\"2\",a=\"1\"}[5m]))by(job)",
            .data(#""sum by (job) (rate(x{a=\"1\",b=\"2\"}[5m]))""#)
        ),
        Case(
            "query=a+",
            bad(#"invalid parameter "query": 1:3: parse error: unexpected end of input"#)
        ),
    ]

    @Test(arguments: printed) func printsExpressions(_ one: Case) async throws {
        let response = try await APIRig().calls.answer("GET", "/api/v1/format_query?\(one.target)")
        one.answer.expect(response, "GET")
    }

    private static let nothing = #""startOrEnd":null,"timestamp":null,"type":"#

    private static func up(_ offset: Int = 0) -> String {
        #"{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"up"}],"name":"up","#
            + #""offset":\#(offset),"smoothed":false,\#(nothing)"vectorSelector"}"#
    }

    static let trees: [Case] = [
        Case("query=up", .data(up())),
        Case(
            "query=-up offset -90s",
            .data(#"{"expr":\#(up(-90000)),"op":"-","type":"unaryExpr"}"#)
        ),
        Case(
            "query=sum without (job) (up)",
            .data(
                #"{"expr":\#(up()),"grouping":["job"],"op":"sum","param":null,"type":"aggregation","without":true}"#
            )
        ),
        Case(
            "query=topk(3, (up))",
            .data(
                #"{"expr":{"expr":\#(up()),"type":"parenExpr"},"grouping":[],"op":"topk","#
                    + #""param":{"type":"numberLiteral","val":"3"},"type":"aggregation","without":false}"#
            )
        ),
        Case(
            "query=up == bool on (job) group_left (team) up",
            .data(
                #"{"bool":true,"lhs":\#(up()),"matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":null},"#
                    + #""include":["team"],"labels":["job"],"on":true},"op":"==","rhs":\#(up()),"type":"binaryExpr"}"#
            )
        ),
        Case(
            "query=1 + up",
            .data(
                #"{"bool":false,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":"+","#
                    + #""rhs":\#(up()),"type":"binaryExpr"}"#
            )
        ),
        Case(
            "query=rate(x{a!~\"b\"}[5m] @ 1.5)",
            .data(
                #"{"args":[{"anchored":false,"matchers":[{"name":"a","type":"!~","value":"b"},"#
                    + #"{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":0,"range":300000,"#
                    + #""smoothed":false,"startOrEnd":null,"timestamp":1500,"type":"matrixSelector"}],"#
                    + #""func":{"argTypes":["matrix"],"name":"rate","returnType":"vector","variadic":0},"type":"call"}"#
            )
        ),
        Case(
            "query=round(up)[1h:30s] @ start() offset 1m",
            .data(
                #"{"expr":{"args":[\#(up())],"func":{"argTypes":["vector","scalar"],"name":"round","#
                    + #""returnType":"vector","variadic":1},"type":"call"},"offset":60000,"range":3600000,"#
                    + #""startOrEnd":"start","step":30000,"timestamp":null,"type":"subquery"}"#
            )
        ),
        Case("query=\"a\"", .data(#"{"type":"stringLiteral","val":"a"}"#)),
        Case(
            "query=a+",
            bad(#"invalid parameter "query": 1:3: parse error: unexpected end of input"#)
        ),
    ]

    @Test(arguments: trees) func givesTrees(_ one: Case) async throws {
        let calls = try APIRig().calls
        one.answer.expect(try await calls.answer("GET", "/api/v1/parse_query?\(one.target)"), "GET")
        let byPost = try await calls.answer("POST", "/api/v1/parse_query", form: one.target)
        one.answer.expect(byPost, "POST")
    }

    @Test func theFormComesBeforeTheAddress() async throws {
        let response = try await APIRig().calls.answer(
            "POST",
            "/api/v1/query?time=7&query=2",
            form: "time=3"
        )
        PrometheusAnswer.data(#"{"resultType":"scalar","result":[3,"2"]}"#).expect(response, "both")
    }

    @Test func aBodyThatIsNoFormIsRefused() async throws {
        for (type, body) in [
            ("application/json", "{}"), ("text/plain", "query=1"),
            ("application/x-www-form-urlencoded", "query=%zz"),
        ] {
            let response = try await APIRig().calls.answer(
                "POST",
                "/api/v1/query?query=1",
                headers: [("content-type", type)],
                body: body
            )
            Self.bad("a POST body must be a form (application/x-www-form-urlencoded)")
                .expect(response, type)
        }
    }

    @Test func annotationsStandBesideTheData() async throws {
        let rig = try Self.rig()
        let response = try await rig.calls.answer("GET", "/api/v1/query?query=rate(up[5m])")
        #expect(response.status == 200)
        #expect(
            response.text.hasSuffix(
                #""infos":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"up\" (1:6)"]}"#
            ),
            "\(response.text)"
        )
    }
}
