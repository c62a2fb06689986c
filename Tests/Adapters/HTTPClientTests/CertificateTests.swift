import Foundation
import Telemetry
import TestSupport
import Testing

@testable import HTTPClient

/// The client against `openssl s_server` with a certificate of its own making.
@Suite struct CertificateTests {
    private func openssl(_ arguments: [String], output: Pipe? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test func `a certificate is trusted when its authority is, and for its own name only`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tocsin-tls-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (key, certificate) = (folder.path + "/key.pem", folder.path + "/certificate.pem")
        let made = try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ])
        made.waitUntilExit()
        try #require(made.terminationStatus == 0)
        let output = Pipe()
        let server = try openssl(
            ["s_server", "-accept", "127.0.0.1:0", "-www", "-key", key, "-cert", certificate],
            output: output
        )
        defer { server.terminate() }
        // It prints "ACCEPT 127.0.0.1:PORT" when it is ready.
        var printed = ""
        var port: Substring?
        while port == nil {
            let next = output.fileHandleForReading.availableData
            try #require(!next.isEmpty, "openssl s_server ended: \(printed)")
            printed += String(decoding: next, as: UTF8.self)
            let lines = printed.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            port = lines.first { $0.hasPrefix("ACCEPT ") }?.split(separator: ":").last
        }
        let host = "localhost:\(try #require(port))"

        let strange = CurlHTTPClient(log: .silent, metrics: MetricsRegistry())
        try strange.start()
        let unknown = await #expect(throws: HTTPClientError.self) {
            try await strange.send(HTTPClientRequest(url: "https://\(host)/"))
        }
        #expect(
            unknown
                == .tls(
                    host: "\(host)",
                    reason: "SSL certificate problem: self-signed certificate"
                )
        )
        strange.stop()

        let settings = HTTPClientSettings(certificateAuthorities: certificate)
        let trusting = CurlHTTPClient(log: .silent, metrics: MetricsRegistry(), settings: settings)
        try trusting.start()
        #expect(
            try await trusting.send(HTTPClientRequest(url: "https://\(host)/")).status
                == 200
        )
        let misnamed = await #expect(throws: HTTPClientError.self) {
            try await trusting.send(
                HTTPClientRequest(url: "https://127.0.0.1:\(try #require(port))/")
            )
        }
        guard case .tls = misnamed else {
            Issue.record("no TLS error: \(String(describing: misnamed))")
            return
        }
        trusting.stop()
    }
}
