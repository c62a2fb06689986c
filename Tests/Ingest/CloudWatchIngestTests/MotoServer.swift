import Foundation
import TestSupport

/// A moto server of our own, on a free port, ended with the test.
///
/// Unchecked: the process is set up in init and only ended afterwards.
final class MotoServer: @unchecked Sendable {
    let address: String
    private let process: Process
    private let input: Pipe

    private static let program = """
        import sys
        from moto.server import ThreadedMotoServer
        server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
        server.start()
        print(server.get_host_and_port()[1], flush=True)
        sys.stdin.read()
        server.stop()
        """

    /// Starts a server and waits until it says its port.
    init(python: String) throws {
        process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", Self.program]
        input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line = Data()
        while !line.contains(10) {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failed() }
            line += more
        }
        let port = String(decoding: line.prefix { $0 != 10 }, as: UTF8.self)
        address = "http://127.0.0.1:\(port)"
    }

    struct Failed: Error {}

    /// Ends the server; it leaves when its standard input is closed.
    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
