import HTTPServer
import Model
import TestSupport
import Testing

@testable import ServiceAPI

@Suite struct SeriesRoutesTests {
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
        rig.put(["__name__": "up", "job": "db", "instance": "c"], [0.5])
        rig.put(["__name__": "http.requests", "größe": "L", "job": "web"], [7])
        rig.put(["__name__": "gone", "job": "batch"], [1, Staleness.marker])
        return rig
    }

    private static func bad(_ message: String) -> PrometheusAnswer {
        .failure(400, "bad_data", message)
    }

    private static let a = #"{"__name__":"up","instance":"a","job":"api"}"#
    private static let c = #"{"__name__":"up","instance":"c","job":"db"}"#

    static let cases: [Case] = [
        Case("series?match[]=up", .data("[\(a),\(c)]")),
        Case("series?match[]=up&match[]={job=\"db\"}", .data("[\(a),\(c)]")),
        Case("series?match[]=up{job=\"db\"}", .data("[\(c)]")),
        Case(
            "series?match[]=up&limit=1",
            .data("[\(a)]", warnings: ["results truncated due to limit"])
        ),
        Case("series?match[]=up&start=1699999940&end=1699999940", .data("[\(a)]")),
        Case("series?match[]=up&start=1699999941&end=1699999999", .data("[]")),
        Case(
            "series?match[]=up&start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z",
            .data("[\(a),\(c)]")
        ),
        Case("series?match[]=nothing", .data("[]")),
        Case("series", bad("no match[] parameter provided")),
        Case(
            "series?match[]=up{",
            bad(
                #"invalid parameter "match[]": 1:4: parse error: unexpected end of input inside braces"#
            )
        ),
        Case(
            "series?match[]=rate(up[1m])",
            bad(#"invalid parameter "match[]": "rate(up[1m])" is not a plain vector selector"#)
        ),
        Case(
            "series?match[]=up offset 5m",
            bad(#"invalid parameter "match[]": "up offset 5m" is not a plain vector selector"#)
        ),
        Case(
            "series?match[]={x=\"\"}",
            bad(
                #"invalid parameter "match[]": 1:1: parse error: vector selector must contain at least one non-empty matcher"#
            )
        ),
        Case(
            "series?match[]=up&start=x",
            bad(
                #"invalid parameter "start": Invalid time value for 'start': cannot parse "x" to a valid timestamp"#
            )
        ),
        Case("labels", .data(#"["__name__","größe","instance","job"]"#)),
        Case("labels?match[]=up", .data(#"["__name__","instance","job"]"#)),
        Case(
            "labels?match[]=up&limit=2",
            .data(#"["__name__","instance"]"#, warnings: ["results truncated due to limit"])
        ),
        Case("labels?match[]=nothing", .data("[]")),
        Case("labels?start=5&end=1", .data("[]")),
        Case("labels?match[]=up&start=1600000000&end=1600000060", .data("[]")),
        Case("label/job/values?start=1700000000&end=1699999999", .data("[]")),
        Case("label/job/values?match[]=up&end=1600000060", .data("[]")),
        Case("label/job/values?end=1600000060", .data("[]")),
        Case("labels?limit=-1", bad(#"invalid parameter "limit": limit must be non-negative"#)),
        Case("label/job/values", .data(#"["api","batch","db","web"]"#)),
        Case("label/job/values?match[]=up", .data(#"["api","db"]"#)),
        Case("label/__name__/values", .data(#"["gone","http.requests","up"]"#)),
        Case("label/größe/values", .data(#"["L"]"#)),
        Case("label/U__gr_f6__df_e/values", .data(#"["L"]"#)),
        Case("label/nothing/values", .data("[]")),
        Case(
            "label/job/values?end=x",
            bad(
                #"invalid parameter "end": Invalid time value for 'end': cannot parse "x" to a valid timestamp"#
            )
        ),
    ]

    @Test(arguments: cases) func answers(_ one: Case) async throws {
        let rig = try Self.rig()
        let response = try await rig.calls.answer("GET", "/api/v1/\(one.target)")
        one.answer.expect(response, "GET")
        guard !one.target.hasPrefix("label/") else { return }
        let parts = one.target.split(separator: "?", maxSplits: 1)
        let byPost = try await rig.calls.answer(
            "POST",
            "/api/v1/\(parts[0])",
            form: parts.count > 1 ? String(parts[1]) : ""
        )
        one.answer.expect(byPost, "POST")
    }

    @Test func federationGivesTheNewestSamples() async throws {
        let rig = try Self.rig()
        rig.put(["__name__": "say", "text": "a \"b\"\\\n\tc"], [.infinity])
        let response = try await rig.calls.answer(
            "GET",
            "/federate?match[]=up&match[]={job=\"web\"}&match[]=gone&match[]=say&match[]=up"
        )
        #expect(response.status == 200)
        #expect(response.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            response.text == """
                # TYPE "http.requests" untyped
                {"http.requests","größe"="L",job="web"} 7 1700000000000
                # TYPE say untyped
                say{text="a \\"b\\"\\\\\\n\tc"} +Inf 1700000000000
                # TYPE up untyped
                up{instance="a",job="api"} 1 1700000000000
                up{instance="c",job="db"} 0.5 1700000000000

                """
        )
        rig.clock.advance(by: .seconds(301))
        #expect(try await rig.calls.answer("GET", "/federate?match[]=up").text == "")
        let bad = try await rig.calls.answer("GET", "/federate?match[]=up{")
        #expect(bad.status == 400)
        #expect(bad.text.hasSuffix("1:4: parse error: unexpected end of input inside braces\n"))
    }

    @Test(arguments: [
        ("job", "job"), ("U__a_2e_b__c", "a.b_c"), ("U__gr_f6__df_e", "größe"), ("U__", ""),
        ("U__a_2e", "U__a_2e"), ("U__a_zz_", "U__a_zz_"), ("U__a_110000_", "U__a_110000_"),
        ("U__a_", "U__a_"), ("u__a", "u__a"),
    ])
    func readsEscapedNames(_ escaped: String, _ plain: String) {
        #expect(EscapedLabelName.plain(escaped) == plain)
    }
}
