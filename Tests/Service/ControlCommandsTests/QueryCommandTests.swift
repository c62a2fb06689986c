import ControlCommands
import Testing
import Timekeeping

@Suite struct QueryCommandTests {
    private static let vector = """
        {"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"__name__":"up","job":"api"},"value":[1700000000.5,"1"]},
        {"metric":{"__name__":"up","job":"d,\\"b"},"value":[1700000000.5,"0"]}]},
        "warnings":["w"],"infos":["i"]}
        """
    private static let matrix = """
        {"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"error_code":"x"},"values":[[1700000000,"1"],[1700000060,"NaN"],[1700000120,"3"]]}]}}
        """

    private static func server(
        _ request: String,
        _ body: String,
        _ status: Int = 200
    )
        -> CommandRun.Server
    {
        CommandRun.Server(answers: [request: (status, body)])
    }

    @Test func aVectorIsATable() async {
        let server = Self.server("POST /api/v1/query query=up", Self.vector)
        let run = await CommandRun(["query", "up"], server: server)
        #expect(
            run.output == """
                SERIES           VALUE
                up{job="api"}    1
                up{job="d,\\"b"}  0

                """
        )
        #expect(run.messages == "w\ni\n")
        #expect(run.code == .ok)
    }

    @Test func csvHasAColumnForEachLabel() async {
        let server = Self.server("POST /api/v1/query query=up&time=1700000000.500", Self.vector)
        let run = await CommandRun(
            ["query", "up", "--at", "2023-11-14T22:13:20.5Z", "-o", "csv"],
            server: server
        )
        #expect(
            run.output
                == "__name__,job,timestamp,value\r\nup,api,2023-11-14T22:13:20.500Z,1\r\n"
                + "up,\"d,\"\"b\",2023-11-14T22:13:20.500Z,0\r\n"
        )
    }

    @Test func aSpanHasALineForEachPoint() async {
        let server = Self.server(
            "POST /api/v1/query_range query=x&start=1700000000.000&end=1700000120.000&step=1m",
            Self.matrix
        )
        let line = [
            "query", "x", "--start", "1700000000", "--end", "1700000120", "--step", "60s",
        ]
        let run = await CommandRun(line, server: server)
        #expect(
            run.output == """
                {error_code="x"}
                  2023-11-14T22:13:20Z  1
                  2023-11-14T22:14:20Z  NaN
                  2023-11-14T22:15:20Z  3

                """
        )
        let shown = await CommandRun(line, server: server, hasColor: true)
        #expect(shown.output.hasPrefix("\u{1b}[1m{error_code=\"x\"}\u{1b}[0m  ▁ █\n"))
    }

    @Test func timesMayBeAWhileAgo() async {
        let server = Self.server(
            "POST /api/v1/query_range query=x&start=1699996400.000&end=1700000000.000&step=36s",
            Self.matrix
        )
        let run = await CommandRun(["query", "x", "--start", "-1h"], server: server)
        #expect(run.code == .ok, "\(run.messages)")
    }

    @Test func aScalarIsANumber() async {
        let server = Self.server(
            "POST /api/v1/query query=1&limit=5&timeout=10s",
            #"{"status":"success","data":{"resultType":"scalar","result":[1700000000,"1"]}}"#
        )
        let run = await CommandRun(
            ["query", "1", "--limit", "5", "--timeout", "10s"],
            server: server
        )
        #expect(run.output == "1\n")
    }

    @Test func jsonIsTheServersOwn() async {
        let server = Self.server("POST /api/v1/query query=up", Self.vector)
        let run = await CommandRun(["query", "up", "-o", "json"], server: server)
        #expect(run.output == Self.vector + "\n")
    }

    @Test func nothingIsAMessage() async {
        let body = #"{"status":"success","data":{"resultType":"vector","result":[]}}"#
        let server = Self.server("POST /api/v1/query query=up", body)
        let run = await CommandRun(["query", "up"], server: server)
        #expect(run.output == "")
        #expect(run.messages == "No series.\n")
    }

    @Test func anErrorIsInTheServersWords() async {
        let body = #"{"status":"error","errorType":"bad_data","error":"1:3: parse error: x"}"#
        let server = Self.server("POST /api/v1/query query=a%2B", body, 400)
        let run = await CommandRun(["query", "a+"], server: server)
        #expect(run.messages == "sloctl: 1:3: parse error: x\n")
        #expect(run.code == .usage)
    }

    @Test(arguments: [
        ["--at", "noon"], ["--end", "now"], ["--step", "1m"], ["--start", "-1h", "--at", "now"],
        ["--start", "now", "--end", "-1h"], ["--start", "-1h", "--step", "0s"], ["--timeout", "x"],
    ]) func timesThatMakeNoSenseAreMistakesOfUse(_ options: [String]) async {
        let run = await CommandRun(["query", "up"] + options)
        #expect(run.code == .usage, "\(run.messages)")
    }
}
