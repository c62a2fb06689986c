import Cryptography
import Foundation
import Ingest
import Model
import TestSupport
import Testing

@testable import EFKIngest

/// Python's `ssl` as the other side.
@Suite(.serialized) struct ForwardTLSTests {
    /// Sends a message over TLS, prints what is answered, or why it was not.
    static let program = """
        import socket, ssl, sys
        port, ca, certificate, key, message = int(sys.argv[1]), *sys.argv[2:6]
        context = ssl.create_default_context(cafile=ca)
        if certificate: context.load_cert_chain(certificate, key)
        answer = b""
        try:
            plain = socket.create_connection(("127.0.0.1", port), timeout=20)
            with context.wrap_socket(plain, server_hostname="localhost") as client:
                data = bytes.fromhex(message)
                # Byte by byte, then all at once, so that records end anywhere.
                for byte in data: client.sendall(bytes([byte]))
                client.sendall(data * 3)
                while len(answer) < 4 * 7:
                    piece = client.recv(100)
                    if not piece: break
                    answer += piece
                print(client.version(), answer.hex())
        except (OSError, ssl.SSLError) as error:
            print("refused:", error, answer.hex())
        """

    func send(
        _ setting: ForwardServerTests.Setting,
        _ folder: SecretFolder,
        trust: String = "server",
        certificate: String? = nil,
        _ message: [UInt8] = Messages.message("t", 1, "a", chunk: "1")
    ) throws -> String {
        let outcome = try PythonTool.run(
            "/usr/bin/env",
            [
                "python3", "-c", Self.program, "\(setting.server.port ?? 0)",
                folder.path("\(trust).pem"), certificate.map { folder.path("\($0).pem") } ?? "",
                certificate.map { folder.path("\($0).key") } ?? "",
                Hexadecimal.encode(message),
            ]
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    static func files(_ folder: SecretFolder, authorities: String? = nil) -> TLSServerFiles {
        TLSServerFiles(
            certificate: folder.path("server.pem"),
            key: folder.path("server.key"),
            clientAuthorities: authorities.map { folder.path("\($0).pem") }
        )
    }

    @Test func recordsAndAcknowledgementsGoThroughTLS() throws {
        let folder = try SecretFolder()
        try folder.makeCertificate()
        let setting = try ForwardServerTests.Setting(
            ForwardSettings { $0.tls = Self.files(folder) }
        )
        let answer = Hexadecimal.encode(ForwardServerTests.ack("1"))
        #expect(
            try send(setting, folder)
                == "TLSv1.3 " + [String](repeating: answer, count: 4).joined()
        )
        #expect(setting.door.texts == ["a"])
        #expect(setting.sources.statuses.first?.refused == [:])
        // A bare connection is no news here either.
        let bare = try setting.connect()
        bare.finishSending()
        #expect(bare.receiveToEnd() == [])
        #expect(setting.lines.all == [])
    }

    @Test func aMessageOfManyRecordsIsWhole() throws {
        let folder = try SecretFolder()
        try folder.makeCertificate()
        let setting = try ForwardServerTests.Setting(
            ForwardSettings { $0.tls = Self.files(folder) }
        )
        let text = (0..<20_000).map { String($0 % 10) }.joined()
        let answer = try send(setting, folder, Messages.message("t", 1, text, chunk: "1"))
        #expect(answer.hasPrefix("TLSv1.3 81a361636b"))
        #expect(setting.door.texts == [text])
    }

    @Test func whatIsNoTLSIsToldApart() throws {
        let folder = try SecretFolder()
        try folder.makeCertificate()
        try folder.makeCertificate("stranger")
        let setting = try ForwardServerTests.Setting(
            ForwardSettings { $0.tls = Self.files(folder) }
        )
        let plain = try setting.connect()
        try plain.send(Messages.message("t", 1, "a"))
        _ = plain.receiveToEnd()
        #expect(try send(setting, folder, trust: "stranger").hasPrefix("refused:"))
        #expect(setting.door.texts == [])
        // The server has noted both when the next connection is served.
        #expect(try send(setting, folder).hasPrefix("TLSv1.3"))
        #expect(setting.refused("tls") == 2)
        #expect(setting.lines.all.contains { $0.contains("does not speak TLS") })
    }

    @Test func clientsProveWhoTheyAre() throws {
        let folder = try SecretFolder()
        try folder.makeCertificate()
        try folder.makeCertificate("client")
        try folder.makeCertificate("stranger")
        let setting = try ForwardServerTests.Setting(
            ForwardSettings { $0.tls = Self.files(folder, authorities: "client") }
        )
        #expect(try !send(setting, folder).contains("TLSv1.3 81"))
        #expect(try !send(setting, folder, certificate: "stranger").contains("TLSv1.3 81"))
        #expect(setting.door.texts == [])
        #expect(try send(setting, folder, certificate: "client").hasPrefix("TLSv1.3 81"))
        #expect(setting.door.texts == ["a"])
        #expect(setting.refused("tls") == 2)
    }

    @Test func aRenewedCertificateIsUsedForNewConnections() throws {
        let folder = try SecretFolder()
        try folder.makeCertificate()
        let setting = try ForwardServerTests.Setting(
            ForwardSettings { $0.tls = Self.files(folder) }
        )
        let before = try String(contentsOfFile: folder.path("server.pem"), encoding: .utf8)
        try folder.write("old.pem", before)
        try folder.makeCertificate()
        setting.server.refreshSecrets()
        #expect(try send(setting, folder).hasPrefix("TLSv1.3 81"))
        #expect(try send(setting, folder, trust: "old").hasPrefix("refused:"))
        // Half of a pair is not used.
        try folder.write("server.pem", before)
        setting.server.refreshSecrets()
        #expect(setting.lines.all.contains { $0.contains("is not that of the certificate") })
        try folder.makeCertificate()
        setting.server.refreshSecrets()
        #expect(try send(setting, folder).hasPrefix("TLSv1.3 81"))
    }

    @Test func aHandshakeThatStallsIsCutOff() throws {
        let folder = try SecretFolder()
        try folder.makeCertificate()
        let setting = try ForwardServerTests.Setting(
            ForwardSettings {
                $0.tls = Self.files(folder)
                $0.handshakeTimeMax = .milliseconds(50)
            }
        )
        let socket = try setting.connect()
        try socket.send([0x16, 0x03, 0x01])
        #expect(socket.receiveToEnd() == [])
        // What the loop has yet to note of the end it notes before it stops.
        setting.server.stop()
        #expect(setting.refused("tls") == 1)
    }
}
