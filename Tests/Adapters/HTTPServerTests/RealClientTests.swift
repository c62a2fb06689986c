import Foundation
import Testing

@testable import HTTPServer

/// The server against clients that others wrote.
@Suite(.blocking) struct RealClientTests {
    private func run(
        _ program: String,
        _ arguments: [String],
        input: String? = nil
    ) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let output = Pipe()
        process.standardOutput = output
        if let input {
            let pipe = Pipe()
            process.standardInput = pipe
            pipe.fileHandleForWriting.write(Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        }
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    @Test func `curl gets, posts, asks for gzip and waits for 100 Continue`() throws {
        let served = try ServedFixture()
        let base = "http://127.0.0.1:\(served.server.port)"
        let plain = ["-sS", "--max-time", "20"]
        #expect(try run("curl", plain + [base + "/say/hello"]) == (0, "hello"))
        #expect(
            try run("curl", plain + ["--compressed", base + "/lines"]) == (
                0, String(repeating: "line\n", count: 4000)
            )
        )
        let (_, head) = try run(
            "curl",
            plain + ["--compressed", "-o", "/dev/null", "-D", "-", base + "/lines"]
        )
        #expect(head.contains("Content-Encoding: gzip\r\n"))
        #expect(try run("curl", plain + ["-d", "abc", base + "/blocking"]) == (0, "abc"))
        #expect(
            try run(
                "curl",
                plain + [
                    "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", base + "/task",
                ],
                input: "from a pipe"
            ) == (0, "from a pipe")
        )
        #expect(
            try run("curl", plain + ["-H", "Expect: 100-continue", "-d", "abc", base + "/inline"])
                == (0, "abc")
        )
        #expect(
            try run("curl", plain + ["-w", "%{http_code}", base + "/say/1", base + "/say/2"]).1
                == "12002200"
        )
        let (code, text) = try run(
            "curl",
            ["-sf", "--max-time", "20", "-d", "more than ten bytes", base + "/small"]
        )
        #expect(code == 22 && text.isEmpty)
    }

    @Test func `Python's http.client keeps a connection, pipes chunks and reads errors`() throws {
        let served = try ServedFixture()
        let script = """
            import http.client, sys
            c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
            def ask(*args, **more):
                c.request(*args, **more)
                r = c.getresponse()
                body = r.read()
                print(r.status, body[:20].decode())
            ask("GET", "/say/one")
            sock = c.sock
            ask("POST", "/blocking", body=b"x" * 100000)
            ask("POST", "/inline", body=iter([b"chunk ", b"by ", b"chunk"]), encode_chunked=True,
                headers={"Transfer-Encoding": "chunked"})
            ask("HEAD", "/")
            ask("DELETE", "/")
            assert c.sock is sock, "the connection was not kept"
            ask("POST", "/small", body=b"x" * 1000000)
            """
        let (code, text) = try run("python3", ["-c", script, "\(served.server.port)"])
        #expect(code == 0)
        #expect(
            text == """
                200 one
                200 xxxxxxxxxxxxxxxxxxxx
                200 chunk by chunk
                200 \n405 405 Method Not Allow
                413 413 Content Too Larg

                """
        )
    }
}
