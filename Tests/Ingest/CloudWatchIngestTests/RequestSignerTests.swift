import CloudWatchIngest
import Foundation
import HTTPClient
import TestSupport
import Testing
import Timekeeping

/// Signature Version 4 against the published vector and against botocore.
@Suite struct RequestSignerTests {
    static let time = Timestamp(year: 2015, month: 8, day: 30, hour: 12, minute: 36)
    static let keys = AWSCredentials(
        accessKeyID: "AKIDEXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        source: "test"
    )

    @Test func getVanillaOfTheAWSTestSuite() throws {
        let signer = RequestSigner(region: "us-east-1", service: "service")
        let request = HTTPClientRequest(
            url: "https://example.amazonaws.com/",
            headers: [("X-Amz-Date", "20150830T123600Z")]
        )
        let steps = try #require(signer.steps(request, with: Self.keys, at: Self.time))
        #expect(
            steps.signature == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        )
        #expect(
            steps.authorization
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, Signature=\(steps.signature)"
        )
    }

    struct Case: Codable, CustomTestStringConvertible, Sendable {
        var name: String
        var method = "POST"
        var url: String
        var headers: [[String]] = []
        var body = ""
        var token: String?
        var region = "eu-west-1"
        var service = "monitoring"

        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "a CloudWatch call",
            url: "https://monitoring.eu-west-1.amazonaws.com/",
            headers: [
                ["Content-Type", "application/x-amz-json-1.0"],
                ["X-Amz-Target", "GraniteServiceVersion20100801.ListMetrics"],
            ],
            body: #"{"Namespace":"AWS/RDS"}"#
        ),
        Case(
            name: "a session token",
            url: "https://monitoring.eu-west-1.amazonaws.com/",
            body: "{}",
            token: "FwoGZXIvYXdzEJr//token+with/odd=chars"
        ),
        Case(name: "no path", method: "GET", url: "https://example.com"),
        Case(name: "no path but a query", method: "GET", url: "https://example.com?b=2&a=1"),
        Case(name: "an empty body", url: "https://example.com/x"),
        Case(name: "a port that is not the standard one", url: "http://127.0.0.1:4582/", body: "x"),
        Case(name: "the standard ports", method: "GET", url: "https://example.com:443/a"),
        Case(name: "the http port", method: "GET", url: "http://example.com:80/a"),
        Case(name: "an upper-case host", method: "GET", url: "https://EXAMPLE.Com/a"),
        Case(name: "user information", method: "GET", url: "https://user:pw@example.com/a"),
        Case(name: "an IPv6 host", method: "GET", url: "http://[::1]:8080/a"),
        Case(name: "dot segments", method: "GET", url: "https://example.com/a/./b/../c//d/"),
        Case(
            name: "dot segments above the root",
            method: "GET",
            url: "https://example.com/../../x"
        ),
        Case(name: "only dots", method: "GET", url: "https://example.com/./"),
        Case(
            name: "encoded characters in the path",
            method: "GET",
            url: "https://example.com/a%20b/%E2%82%AC/~-_.!*'()"
        ),
        Case(
            name: "a colon and an at sign in the path",
            method: "GET",
            url: "https://example.com/role:x@y/;p=1,2"
        ),
        Case(name: "unicode in the path", method: "GET", url: "https://example.com/żółw/€"),
        Case(
            name: "query keys out of order",
            method: "GET",
            url: "https://example.com/?b=1&a=2&a=1&A=0&_=9"
        ),
        Case(name: "query without values", method: "GET", url: "https://example.com/?b&a=&c=x=y"),
        Case(
            name: "encoded query",
            method: "GET",
            url: "https://example.com/?q=a%20b%2Bc&z=%E2%82%AC&q=%41"
        ),
        Case(
            name: "a query with an empty pair",
            method: "GET",
            url: "https://example.com/?a=1&&b=2"
        ),
        Case(name: "a fragment", method: "GET", url: "https://example.com/a?b=1#frag"),
        Case(
            name: "white space in header values",
            url: "https://example.com/",
            headers: [
                ["X-Spaces", "  two   words\t\tand  more  "], ["X-Empty", ""], ["X-Blank", "   "],
            ],
            body: "x"
        ),
        Case(
            name: "header names in mixed case",
            url: "https://example.com/",
            headers: [
                ["x-B", "1"], ["X-a", "2"], ["x-C", "3"], ["X-AA", "4"], ["x_d", "5"],
            ]
        ),
        Case(
            name: "one header twice",
            url: "https://example.com/",
            headers: [
                ["X-Multi", "b"], ["X-Multi", "a  c"],
            ]
        ),
        Case(
            name: "headers that are not signed",
            url: "https://example.com/",
            headers: [
                ["User-Agent", "tocsin"], ["Expect", "100-continue"],
                ["Transfer-Encoding", "chunked"], ["X-Amzn-Trace-Id", "Root=1"],
            ]
        ),
        Case(name: "unicode in the body", url: "https://example.com/", body: "{\"ключ\":\"€ 🎉\"}"),
        Case(
            name: "another service and region",
            method: "PUT",
            url: "https://sts.cn-north-1.amazonaws.com.cn/",
            body: "Action=AssumeRole",
            region: "cn-north-1",
            service: "sts"
        ),
        Case(name: "a lower-case method", method: "delete", url: "https://example.com/x?y=z"),
        Case(
            name: "a long body",
            url: "https://example.com/",
            body: String(repeating: "0123456789abcdef", count: 10_000)
        ),
    ]

    struct Expected: Codable {
        var canonical: String
        var stringToSign: String
        var signature: String
        var authorization: String
    }

    static let program = """
        import json, sys
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        from http.client import HTTPMessage
        for case in json.load(sys.stdin):
            keys = Credentials('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', case.get('token'))
            auth = SigV4Auth(keys, case['service'], case['region'])
            request = AWSRequest(method=case['method'], url=case['url'], data=case['body'].encode())
            for name, value in case['headers']:
                HTTPMessage.add_header(request.headers, name, value)
            request.context['timestamp'] = '20150830T123600Z'
            auth._modify_request_before_signing(request)
            canonical = auth.canonical_request(request)
            to_sign = auth.string_to_sign(request, canonical)
            signature = auth.signature(to_sign, request)
            auth._inject_signature_to_request(request, signature)
            print(json.dumps(dict(canonical=canonical, stringToSign=to_sign, signature=signature,
                                  authorization=request.headers['Authorization'])))
        """

    @Test func everyStepEqualsBotocore() throws {
        guard let python = PythonTool.interpreter(with: ["botocore"]) else {
            print(
                "skipped: no Python with botocore to compare signatures with (make test installs it)"
            )
            return
        }
        let input = String(decoding: try JSONEncoder().encode(Self.cases), as: UTF8.self)
        let run = try PythonTool.run(python, ["-c", Self.program], input: input)
        #expect(run.status == 0, "\(run.errors)")
        let expected = try run.output.split(separator: "\n").map {
            try JSONDecoder().decode(Expected.self, from: Data($0.utf8))
        }
        try #require(expected.count == Self.cases.count)
        for (one, expected) in zip(Self.cases, expected) {
            var keys = Self.keys
            keys.sessionToken = one.token
            let request = HTTPClientRequest(
                method: one.method,
                url: one.url,
                headers: one.headers.map { ($0[0], $0[1]) },
                body: Array(one.body.utf8)
            )
            let signer = RequestSigner(region: one.region, service: one.service)
            let signed = try #require(signer.signed(request, with: keys, at: Self.time))
            let steps = try #require(signer.steps(signed, with: keys, at: Self.time))
            #expect(steps.canonicalRequest == expected.canonical, "\(one.name)")
            #expect(steps.stringToSign == expected.stringToSign, "\(one.name)")
            #expect(steps.signature == expected.signature, "\(one.name)")
            #expect(
                signed.headers.first { $0.name == "Authorization" }?.value
                    == expected.authorization,
                "\(one.name)"
            )
        }
        print("compared \(expected.count) signatures with botocore's, step by step")
    }

    @Test func signingAgainReplacesTheOldSignature() throws {
        let signer = RequestSigner(region: "eu-west-1", service: "monitoring")
        var keys = Self.keys
        keys.sessionToken = "first"
        let request = HTTPClientRequest(method: "POST", url: "https://example.com/")
        let once = try #require(signer.signed(request, with: keys, at: Self.time))
        keys.sessionToken = nil
        let later = Self.time + .seconds(60)
        let twice = try #require(signer.signed(once, with: keys, at: later))
        let fresh = try #require(signer.signed(request, with: keys, at: later))
        #expect(twice.headers.map(\.name) == fresh.headers.map(\.name))
        #expect(twice.headers.map(\.value) == fresh.headers.map(\.value))
    }

    @Test(arguments: ["", "example.com/x", "ftp://example.com/", "https:///x", "https://"])
    func anAddressThatCannotBeSignedGivesNothing(_ url: String) {
        let signer = RequestSigner(region: "eu-west-1", service: "monitoring")
        #expect(signer.signed(HTTPClientRequest(url: url), with: Self.keys, at: Self.time) == nil)
    }

    @Test func printingKeysShowsNoSecret() {
        var keys = Self.keys
        keys.sessionToken = "the-token"
        keys.expiration = Self.time + .seconds(3600)
        for text in [
            "\(keys)", String(reflecting: keys), String(describing: Optional(keys)),
            keys.summary(at: Self.time),
        ] {
            #expect(!text.contains("wJalr"))
            #expect(!text.contains("the-token"))
            #expect(!text.contains("AKID"))
        }
        #expect(keys.summary(at: Self.time) == "test, expires in 1h")
    }
}
