import ControlCommands
import Foundation
import HTTPClient
import Synchronization
import TestSupport
import Timekeeping

/// A command line that was run, with what it printed.
struct CommandRun {
    var code: ExitCode
    /// Standard output.
    var output: String
    /// Standard error.
    var messages: String

    /// Answers by method and path as `GET /path`; nothing listens when there are none.
    struct Server: HTTPSending {
        var answers: [String: (status: Int, body: String)]?

        func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
            guard let answers else {
                throw .unreachable(host: "127.0.0.1:9467", reason: "connection refused")
            }
            let path = String(request.url.dropFirst("http://127.0.0.1:9467".count))
            let form =
                request.body.isEmpty ? "" : " " + String(decoding: request.body, as: UTF8.self)
            let answer =
                answers["\(request.method) \(path)\(form)"]
                ?? (404, #"{"detail":"no \#(request.method) \#(path)\#(form)"}"#)
            return HTTPClientReply(status: answer.status, body: Array(answer.body.utf8))
        }
    }

    private final class Captured: Sendable {
        private let state = Mutex((output: "", messages: ""))

        var texts: (output: String, messages: String) { state.withLock { $0 } }

        func print(_ text: String) { state.withLock { $0.output += text } }

        func tell(_ text: String) { state.withLock { $0.messages += text } }
    }

    /// Runs a command line of `sloctl`.
    init(
        _ arguments: [String],
        server: Server = Server(),
        hasColor: Bool = false,
        input: [String] = []
    ) async {
        let kept = Captured()
        let lines = Mutex(input[...])
        let program = ControlProgram(
            environment: ["USER": "ann"],
            terminal: Terminal(
                output: { kept.print($0) },
                messages: { kept.tell($0) },
                isInteractive: hasColor,
                hasColor: hasColor,
                input: { lines.withLock { $0.popFirst() } }
            ),
            http: server,
            clock: ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
        )
        code = await program.run(arguments)
        (output, messages) = kept.texts
    }
}

/// A folder with files, gone at the end of the test.
struct TestFolder: ~Copyable {
    let path: String

    init(_ files: [String: String]) throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-sloctl-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("left behind: \(path): \(error)")
        }
    }
}
