import ElasticsearchIngest
import HTTPServer
import TestSupport
import Testing
import Timekeeping
import WireFormats

@Suite struct SetupHandlerTests {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))

    func text(_ response: HTTPResponse) -> String {
        String(decoding: response.body, as: UTF8.self)
    }

    func header(_ response: HTTPResponse, _ name: String) -> String? {
        response.headers.first { $0.name == name }?.value
    }

    func ask(
        _ method: String,
        _ path: String,
        _ headers: [(name: String, value: String)] = []
    )
        -> HTTPResponse?
    {
        let setup = SetupHandler(clock: clock, beside: Self.others)
        let segments = path.split(separator: "/")
        for route in setup.routes where route.method == method {
            let pattern = route.pattern.split(separator: "/")
            var parameters: [String: String] = [:]
            let fits = pattern.enumerated().allSatisfy { place, part in
                guard place < segments.count else { return false }
                if part == "*" { return true }
                if part.hasPrefix("{") {
                    parameters[String(part.dropFirst().dropLast())] = String(segments[place])
                        .replacing("%2F", with: "/")
                    return true
                }
                return part == segments[place]
            }
            guard fits, pattern.count == segments.count || pattern.last == "*" else { continue }
            var request = HTTPRequest(method: method, path: path, headers: headers)
            request.pathParameters = parameters
            if case .inline(let handle) = route.handler { return handle(request) }
        }
        return nil
    }

    /// Routes of the server beside these.
    static let others = [
        ("GET", "/metrics"), ("GET", "/federate"), ("GET", "/-/healthy"), ("POST", "/v1/logs"),
        ("GET", "/api/v1/query"), ("GET", "/"), ("GET", "/ui/incidents/{id}"),
    ].map { HTTPRoute($0, $1, .inline { _ in HTTPResponse(status: 200) }) }

    @Test(arguments: [
        ("GET", "/_license", #""status":"active""#), ("GET", "/_xpack", #""mode":"basic""#),
        ("GET", "/_cat/health", "22:13:20 tocsin green"),
        ("GET", "/_cluster/health", #""status":"green""#),
        ("GET", "/_nodes/http", #""publish_address":"tocsin:9467""#),
        ("PUT", "/_template/logstash", #"{"acknowledged":true}"#),
        ("PUT", "/_index_template/logs", #"{"acknowledged":true}"#),
        ("PUT", "/_component_template/logs", #"{"acknowledged":true}"#),
        ("PUT", "/_ilm/policy/beats", #"{"acknowledged":true}"#),
        ("PUT", "/_ingest/pipeline/p", #"{"acknowledged":true}"#),
        ("PUT", "/_data_stream/logs-a-b", #"{"acknowledged":true}"#),
        ("GET", "/_template/logstash", "{}"), ("HEAD", "/filebeat-8", "{}"),
        ("PUT", "/filebeat-8-000001", #""index":"filebeat-8-000001""#),
    ])
    func setUpCallsAreAcknowledged(_ method: String, _ path: String, _ words: String) throws {
        let response = try #require(ask(method, path, [("host", "tocsin:9467")]))
        #expect(response.status == 200)
        #expect(text(response).contains(words))
        #expect(header(response, "X-Elastic-Product") == "Elasticsearch")
        if header(response, "Content-Type") == "application/json" {
            _ = try JSONValue(response.body.span)
        }
    }

    @Test func theRootSaysWhichVersionItIs() throws {
        let setup = SetupHandler(settings: BulkSettings(version: "7.17.9"), clock: clock)
        let root = setup.root(HTTPRequest(method: "GET", path: "/"))
        let reply = try JSONValue(root.body.span)
        #expect(reply["version"]?["number"]?.string == "7.17.9")
        #expect(reply["version"]?["build_flavor"]?.string == "default")
        #expect(reply["tagline"]?.string == "You Know, for Search")
        #expect(ask("GET", "/nothing")?.status == 404)
        func request(_ accept: String) -> HTTPRequest {
            HTTPRequest(method: "GET", path: "/", headers: [("accept", accept)])
        }
        #expect(SetupHandler.isBrowser(request("text/html,application/xhtml+xml,*/*;q=0.8")))
        #expect(!SetupHandler.isBrowser(request("*/*")))
    }

    /// What Beats, Logstash, Fluentd's plugin and the official clients create and look for.
    @Test(arguments: [
        "logs", "logs-2026.11.24", "filebeat-8.17.0-000007", ".ds-logs-web-default-000001",
        "app_logs", "größe", "<filebeat-7.17.9-{now%2Fd}-000001>",
        "<logs-{now{yyyy.MM.dd|+12:00}}>",
        "metrics-web-default", "healthy-app", "api-logs", String(repeating: "a", count: 255),
    ])
    func indexesAreAcknowledged(_ name: String) throws {
        #expect(ask("HEAD", "/\(name)")?.status == 200)
        #expect(ask("PUT", "/\(name)")?.status == 200)
    }

    @Test(arguments: [
        "-", "_all", "+plus", "_", ".", "..", "UPPER", "a b", "a,b", "a*", "what?", "a#b", "a:b",
        "a\"b", "a\\b", "a|b", "a<b", "<>", "<_all>", "a%2Fb", "a\u{1}",
        String(repeating: "a", count: 256),
    ])
    func whatIsNoNameOfAnIndexIsRefused(_ name: String) throws {
        for method in ["HEAD", "PUT"] {
            let response = try #require(ask(method, "/\(name)"))
            #expect([400, 404].contains(response.status), "\(method) \(name)")
        }
        let response = try #require(ask("PUT", "/\(name)"))
        if response.status == 400 {
            let error = try JSONValue(response.body.span)["error"]
            #expect(error?["type"]?.string == "invalid_index_name_exception")
        }
    }

    @Test(arguments: [
        ("PUT", "metrics", 405), ("PUT", "federate", 405), ("DELETE", "metrics", 405),
        ("POST", "metrics", 405), ("PUT", "v1", 404), ("HEAD", "v1", 404), ("PUT", "api", 404),
        ("HEAD", "ui", 404), ("HEAD", "-", 404), ("HEAD", "healthz", 404), ("PUT", "ready", 404),
        ("HEAD", "health", 404), ("GET", "logs", 404), ("DELETE", "logs", 404),
        ("POST", "logs", 404),
    ])
    func othersPathsAreNoIndexes(_ method: String, _ name: String, _ status: Int) throws {
        let response = try #require(ask(method, "/\(name)"))
        #expect(response.status == status)
        #expect(!text(response).contains("acknowledged"))
        #expect(header(response, "Allow") == (status == 405 ? "GET, HEAD, OPTIONS" : nil))
    }
}
