import Cryptography
import Foundation
import Ingest
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping
import WireFormats

@testable import EFKIngest

@Suite(.serialized) struct ForwardServerTests {
    /// A server on a port of the kernel's choice, with everything around it.
    final class Setting {
        let door = Door()
        let clock = ManualClock()
        let metrics = MetricsRegistry()
        let sources: SourceRegistry
        let server: ForwardServer
        let lines = LogLines()

        init(_ settings: ForwardSettings = ForwardSettings()) throws {
            var settings = settings
            settings.listen = "127.0.0.1:0"
            sources = SourceRegistry(clock: clock, metrics: metrics)
            let lines = self.lines
            server = ForwardServer(
                settings: settings,
                admission: door,
                sources: sources,
                clock: clock,
                metrics: metrics,
                log: Log(component: "forward", clock: clock) { line in lines.add(line) }
            )
            try server.start()
        }

        deinit { server.stop() }

        func connect(udp: Bool = false) throws -> TestSocket {
            try TestSocket(port: server.port ?? 0, udp: udp)
        }

        func refused(_ cause: String) -> Int {
            sources.statuses.first { $0.name == "forward" }?.refused[cause] ?? 0
        }

        func counter(_ name: String) -> Int { metrics.counter(name, help: "").value }
    }

    final class LogLines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    /// Encodes `{"ack": text}`.
    static func ack(_ text: String) -> [UInt8] {
        Messages.bytes {
            $0.map(1)
            $0.string("ack")
            $0.string(text)
        }
    }

    @Test func acknowledgesOnceTheRecordsAreIn() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        try socket.send(Messages.message("t", 1, "a", chunk: "one\n"))
        #expect(try socket.receive(10) == Self.ack("one\n"))
        #expect(setting.door.texts == ["a"])
        #expect(setting.door.records.first?.tag == "t")
        #expect(setting.door.records.first?.eventTime == Timestamp(milliseconds: 1000))
        #expect(setting.door.records.first?.arrivalTime == setting.clock.now())
        // The same connection goes on, nil is no message, several acks come in order.
        try socket.send(
            [0xc0] + Messages.message("t", 2, "b", chunk: "2")
                + Messages.message("t", 3, "c", chunk: "3")
        )
        #expect(try socket.receive(14) == Self.ack("2") + Self.ack("3"))
        #expect(setting.door.texts == ["a", "b", "c"])
        #expect(setting.counter("tocsin_forward_acks") == 3)
        #expect(setting.counter("tocsin_forward_messages") == 3)
    }

    @Test func withoutAChunkNothingIsAnswered() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        for number in 0..<100 { try socket.send(Messages.message("t", 1, "\(number)")) }
        socket.finishSending()
        #expect(socket.receiveToEnd() == [])
        #expect(setting.door.texts == (0..<100).map { "\($0)" })
        #expect(setting.door.batches <= 100)
    }

    @Test func aBareConnectionIsNoNews() throws {
        let setting = try Setting()
        for _ in 0..<3 {
            let socket = try setting.connect()
            socket.finishSending()
            #expect(socket.receiveToEnd() == [])
        }
        #expect(setting.lines.all == [])
        #expect(setting.sources.statuses.first?.refused == [:])
        #expect(setting.sources.statuses.first?.advice == "")
    }

    @Test func aFullStoreHoldsTheSenderBackAndLosesNothing() throws {
        let setting = try Setting()
        setting.door.isShut = true
        let socket = try setting.connect()
        try socket.send(Messages.message("t", 1, "a", chunk: "1"))
        #expect(setting.door.waitForTurnedAway(3))
        // The sender gives up, connects anew and sends the same chunk: one copy is on its way already.
        let again = try setting.connect()
        try again.send(Messages.message("t", 1, "a", chunk: "1"))
        try again.send(Messages.message("t", 2, "b", chunk: "2"))
        #expect(setting.door.waitForTurnedAway(8))
        setting.door.isShut = false
        #expect(try socket.receive(7) == Self.ack("1"))
        #expect(try again.receive(7) == Self.ack("2"))
        #expect(setting.door.texts.sorted() == ["a", "b"])
        // Now that it is in, a third copy is acknowledged at once and counted no more.
        try again.send(Messages.message("t", 1, "a", chunk: "1"))
        #expect(try again.receive(7) == Self.ack("1"))
        #expect(setting.door.texts.sorted() == ["a", "b"])
        #expect(setting.counter("tocsin_forward_repeated_chunks") == 2)
    }

    @Test func aChunkThatComesTwiceInOneGoIsAcknowledgedTwice() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        let message = Messages.message("t", 1, "a", chunk: "1")
        try socket.send(message + message + message)
        #expect(try socket.receive(21) == Self.ack("1") + Self.ack("1") + Self.ack("1"))
        #expect(setting.door.texts == ["a"])
        #expect(setting.counter("tocsin_forward_repeated_chunks") == 2)
    }

    @Test func oneChunkIDOnDifferentMessagesIsNoRepetition() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        try socket.send(
            Messages.message("t", 1, "a", chunk: "x") + Messages.message("t", 1, "b", chunk: "x")
        )
        #expect(try socket.receive(14) == Self.ack("x") + Self.ack("x"))
        #expect(setting.door.texts == ["a", "b"])
    }

    @Test func anOversizedMessageIsDroppedUnacknowledged() throws {
        let setting = try Setting(ForwardSettings { $0.messageMax = 1000 })
        let socket = try setting.connect()
        try socket.send(
            Messages.message("big", 1, String(repeating: "x", count: 600_000), chunk: "1")
                + Messages.message("t", 1, "a", chunk: "2")
        )
        #expect(try socket.receive(7) == Self.ack("2"))
        #expect(setting.door.texts == ["a"])
        #expect(setting.refused("message_too_large") == 1)
        #expect(
            setting.lines.all.contains {
                $0.contains("message of big") && $0.contains("sources.forward.max_message")
            }
        )
    }

    @Test func whatCanNeverBeUsedIsAcknowledgedAndCounted() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        let options = Messages.options([("chunk", Messages.text("1")), ("fluent_signal", [1])])
        try socket.send(Messages.packed("t", [], options: options) + [0x05])
        #expect(try socket.receive(7) == Self.ack("1"))
        try socket.send(Messages.message("t", 1, "a", chunk: "2"))
        #expect(try socket.receive(7) == Self.ack("2"))
        #expect(setting.refused("unsupported_signal") == 1)
        #expect(setting.refused("not_a_message") == 1)
        #expect(setting.sources.statuses.first?.advice.contains("127.0.0.1") == true)
    }

    @Test func rubbishEndsTheConnectionAndSaysSo() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        try socket.send(Messages.message("t", 1, "a", chunk: "1") + [0xc1])
        #expect(socket.receiveToEnd() == Self.ack("1"))
        #expect(setting.refused("malformed") == 1)
        let half = try setting.connect()
        try half.send(Array(Messages.message("t", 1, "a").dropLast()))
        half.finishSending()
        #expect(half.receiveToEnd() == [])
        #expect(setting.refused("truncated") == 1)
    }

    @Test func speaksJSON() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        try socket.send(Array("[\"t\",1,{\"log\":\"a\"},{\"chunk\":\"x\"}]\n".utf8))
        #expect(try socket.receive(11) == Array("{\"ack\":\"x\"}".utf8))
        #expect(setting.door.texts == ["a"])
    }

    @Test func aMessageThatDripsIsCutOff() throws {
        let setting = try Setting(ForwardSettings { $0.messageTimeMax = .milliseconds(50) })
        let socket = try setting.connect()
        try socket.send([0x93, 0xa1])
        #expect(socket.receiveToEnd() == [])
        #expect(setting.refused("message_time") == 1)
    }

    @Test func connectionsAndHeldBytesAreBounded() throws {
        let setting = try Setting(
            ForwardSettings {
                $0.connectionsMax = 2
                $0.bufferedMax = 10_000
            }
        )
        let first = try setting.connect()
        try first.send(Messages.message("t", 1, "a", chunk: "1"))
        #expect(try first.receive(7) == Self.ack("1"))
        let second = try setting.connect()
        try second.send(Messages.message("t", 1, "b", chunk: "2"))
        #expect(try second.receive(7) == Self.ack("2"))
        let third = try setting.connect()
        #expect(third.receiveToEnd() == [])
        #expect(setting.refused("connection_limit") == 1)
        try? second.send(
            [0x92, 0xa1, 0x74, 0xdb, 0, 1, 0, 0] + [UInt8](repeating: 0, count: 20_000)
        )
        #expect(second.receiveToEnd() == [])
        #expect(setting.refused("buffers_full") == 1)
        // What was held is free again.
        try first.send(Messages.message("t", 1, "c", chunk: "3"))
        #expect(try first.receive(7) == Self.ack("3"))
    }

    @Test func connectionsOfOnePeerAreBounded() throws {
        let setting = try Setting(ForwardSettings { $0.connectionsPerPeerMax = 1 })
        do {
            let first = try setting.connect()
            try first.send(Messages.message("t", 1, "a", chunk: "1"))
            #expect(try first.receive(7) == Self.ack("1"))
            let second = try setting.connect()
            #expect(second.receiveToEnd() == [])
            #expect(setting.refused("connection_limit_of_peer") == 1)
            first.finishSending()
            #expect(first.receiveToEnd() == [])
        }
        // The place is free again once the server has seen the end.
        var answer: [UInt8] = []
        while answer.isEmpty {
            let third = try setting.connect()
            try? third.send(Messages.message("t", 1, "b", chunk: "2"))
            answer = (try? third.receive(7)) ?? []
        }
        #expect(answer == Self.ack("2"))
    }

    @Test func anIdleConnectionIsClosedWhenTheSettingSaysSo() throws {
        let setting = try Setting(ForwardSettings { $0.idleTimeMax = .milliseconds(50) })
        let socket = try setting.connect()
        try socket.send(Messages.message("t", 1, "a", chunk: "1"))
        #expect(socket.receiveToEnd() == Self.ack("1"))
        #expect(setting.counter("tocsin_forward_idle_closed") == 1)
        #expect(setting.sources.statuses.first?.refused == [:])
    }

    @Test func withoutKeepAliveAConnectionEndsAfterItsMessage() throws {
        let setting = try Setting(ForwardSettings { $0.keepsAlive = false })
        let socket = try setting.connect()
        // What follows at once is not lost.
        try socket.send(Messages.message("t", 1, "a", chunk: "1") + Messages.message("t", 1, "b"))
        #expect(socket.receiveToEnd() == Self.ack("1"))
        #expect(setting.door.texts == ["a", "b"])
        #expect(setting.counter("tocsin_forward_idle_closed") == 0)
    }

    @Test func aHandshakeThatNeverComesIsCutOff() throws {
        let folder = try SecretFolder(["key": "secret"])
        let setting = try Setting(
            ForwardSettings {
                $0.access = ForwardAccessFiles(sharedKeyFile: folder.path("key"))
                $0.handshakeTimeMax = .milliseconds(50)
            }
        )
        let socket = try setting.connect()
        #expect(socket.receiveToEnd().count == 48)
        #expect(setting.refused("handshake_time") == 1)
    }

    @Test func chunksAreRememberedOverARestart() throws {
        let folder = try SecretFolder()
        let settings = ForwardSettings { $0.chunkLogPath = folder.path("chunks") }
        for round in 0..<2 {
            let setting = try Setting(settings)
            let socket = try setting.connect()
            try socket.send(Messages.message("t", 1, "a", chunk: "1"))
            #expect(try socket.receive(7) == Self.ack("1"))
            #expect(setting.door.texts == (round == 0 ? ["a"] : []))
            #expect(setting.counter("tocsin_forward_repeated_chunks") == round)
        }
    }

    @Test func aKeyThatChangesIsReadAgain() throws {
        let folder = try SecretFolder(["key": "old"])
        let setting = try Setting(
            ForwardSettings { $0.access = ForwardAccessFiles(sharedKeyFile: folder.path("key")) }
        )
        func isAccepted(_ key: String) throws -> Bool {
            let socket = try setting.connect()
            let helo = try socket.receive(48)
            let nonce = Array(helo[15..<31])
            let digest = Hexadecimal.encode(
                Digest.sha512([1] + Array("web".utf8) + nonce + Array(key.utf8))
            )
            try socket.send(ForwardHandshakeTests.ping(host: "web", salt: [1], digest: digest))
            return try socket.receive(7)[6] == 0xc3
        }
        #expect(try isAccepted("old"))
        try folder.write("key", "a new one\n")
        setting.server.refreshSecrets()
        #expect(try !isAccepted("old"))
        #expect(try isAccepted("a new one"))
        // A file that cannot be used leaves the key of before, and that is said.
        try folder.write("key", "")
        setting.server.refreshSecrets()
        #expect(try isAccepted("a new one"))
        #expect(setting.lines.all.contains { $0.contains("is empty") && $0.contains("of before") })
    }

    @Test func filesThatCannotBeUsedStopTheStartAndSayWhich() throws {
        let folder = try SecretFolder(["key": "secret"])
        for settings in [
            ForwardSettings { $0.access = ForwardAccessFiles(sharedKeyFile: "/nonexistent/key") },
            ForwardSettings {
                $0.tls = TLSServerFiles(
                    certificate: "/nonexistent/key",
                    key: folder.path("key")
                )
            },
        ] {
            let error = #expect(throws: (any Error).self) { try Setting(settings) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("/nonexistent/key"))
        }
    }

    @Test func answersUDPHeartbeats() throws {
        let setting = try Setting()
        let socket = try setting.connect(udp: true)
        try socket.send([UInt8](repeating: 1, count: 129))
        // A reply is counted before the next datagram is read.
        for _ in 0..<2 {
            try socket.send([0])
            #expect(try socket.receive(1) == [0])
        }
        #expect([1, 2].contains(setting.counter("tocsin_forward_heartbeats")))
    }

    @Test func aSharedKeyIsAskedForFirst() throws {
        let folder = try SecretFolder(["key": "secret\n"])
        let setting = try Setting(
            ForwardSettings { $0.access = ForwardAccessFiles(sharedKeyFile: folder.path("key")) }
        )
        for (key, isRight) in [("secret", true), ("wrong", false)] {
            let socket = try setting.connect()
            let helo = try socket.receive(1 + 5 + 1 + 6 + 18 + 5 + 1 + 10 + 1)
            var reader = MessagePackReader(helo.span)
            for _ in 0..<4 { _ = try reader.next() }
            guard case .binary(let nonce) = try reader.next() else {
                throw WireFormatError(.truncated, at: 0)
            }
            let salt: [UInt8] = [0xff, 0xfe]
            let digest = Hexadecimal.encode(
                Digest.sha512(salt + Array("web".utf8) + helo[nonce] + Array(key.utf8))
            )
            try socket.send(
                ForwardHandshakeTests.ping(host: "web", salt: salt, digest: digest, asString: true)
            )
            let proof = Hexadecimal.encode(
                Digest.sha512(salt + Array("tocsin".utf8) + helo[nonce] + Array(key.utf8))
            )
            let pong = Messages.bytes {
                $0.array(5)
                $0.string("PONG")
                $0.bool(isRight)
                $0.string(isRight ? "" : "shared key mismatch")
                $0.string(isRight ? "tocsin" : "")
                $0.string(isRight ? proof : "")
            }
            #expect(try socket.receive(pong.count) == pong)
            if isRight {
                try socket.send(Messages.message("t", 1, "a", chunk: "1"))
                #expect(try socket.receive(7) == Self.ack("1"))
            } else {
                #expect(socket.receiveToEnd() == [])
            }
        }
        // Records before the handshake are not taken.
        let rude = try setting.connect()
        try rude.send(Messages.message("t", 1, "b"))
        _ = rude.receiveToEnd()
        #expect(setting.door.texts == ["a"])
        #expect(setting.refused("shared_key") == 1)
        #expect(setting.refused("handshake") == 1)
        #expect(setting.sources.statuses.first?.advice.contains("the shared key") == true)
        #expect(setting.lines.all.contains { $0.contains("sources.forward.shared_key_file") })
    }

    @Test func stoppingAcknowledgesWhatCameWhole() throws {
        let setting = try Setting()
        let socket = try setting.connect()
        try socket.send(Messages.message("t", 1, "a", chunk: "1"))
        #expect(setting.door.waitForRecords(1))
        setting.server.stop()
        #expect(socket.receiveToEnd() == Self.ack("1"))
        #expect(setting.server.port == nil)
    }

    @Test func anAddressInUseSaysHowToMendIt() throws {
        let setting = try Setting()
        let sources = SourceRegistry(clock: setting.clock, metrics: MetricsRegistry())
        let second = ForwardServer(
            settings: ForwardSettings { $0.listen = "127.0.0.1:\(setting.server.port ?? 0)" },
            admission: setting.door,
            sources: sources,
            clock: setting.clock,
            metrics: MetricsRegistry(),
            log: .silent
        )
        #expect(throws: (any Error).self) { try second.start() }
        #expect(sources.statuses.first?.advice.contains("sources.forward.listen") == true)
    }

    @Test func fluentLoggerOfPyPICountsTheSame() throws {
        guard let python = PythonTool.interpreter(with: ["fluent.sender", "msgpack"]) else {
            print("skip: no Python with fluent-logger; make installs one into .venv")
            return
        }
        let setting = try Setting()
        let path = "../shared/data/logs/apache_logs"
        var lines: [String] = []
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            lines = text.split(separator: "\n").map(String.init)
        } else {
            print("skip: \(path) is absent; sending lines made here instead")
            lines = (0..<500).map {
                "10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /\($0) HTTP/1.1\" "
                    + "\([200, 404, 500][$0 % 3]) 12 \"-\" \"agent\""
            }
        }
        let program = """
            import re, sys
            from fluent import sender
            logger = sender.FluentSender("app", host="127.0.0.1", port=int(sys.argv[1]), timeout=20)
            counts = {}
            for number, line in enumerate(sys.stdin):
                line = line.rstrip("\\n")
                status = re.search(r'" (\\d{3}) ', line).group(1)
                counts[status] = counts.get(status, 0) + 1
                if number % 2:
                    sent = logger.emit("access", {"log": line})
                else:
                    sent = logger.emit_with_time("access", 1432000000.5 + number, {"log": line})
                assert sent, logger.last_error
            logger.close()
            print(" ".join(f"{status}={counts[status]}" for status in sorted(counts)))
            """
        let outcome = try PythonTool.run(
            python,
            ["-c", program, "\(setting.server.port ?? 0)"],
            input: lines.joined(separator: "\n")
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(setting.door.waitForRecords(lines.count))
        #expect(setting.door.records.allSatisfy { $0.tag == "app.access" })
        var counts: [String: Int] = [:]
        for text in setting.door.texts {
            if let match = text.firstMatch(of: #/" (\d{3}) /#) {
                counts[String(match.output.1), default: 0] += 1
            }
        }
        let ours = counts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        #expect(outcome.output == ours.joined(separator: " ") + "\n")
        #expect(setting.door.texts == lines)
        #expect(setting.door.records.first?.eventTime == Timestamp(milliseconds: 1_432_000_000_500))
        #expect(setting.sources.statuses.first?.refused == [:])
    }
}
