import Dispatch
import Glibc
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ServiceRuntime

/// A handler made of closures, which tells a queue of events what happened to it.
private final class ScriptedHandler: ConnectionHandler {
    enum Event: Equatable, Sendable {
        case inputEnded
        case deadline
        case closed(CloseReason)
    }

    private let onBytes: (TCPConnection, [UInt8]) -> Int
    private let onEnd: (TCPConnection) -> Void
    private let report: (Event) -> Void

    init(
        report: @escaping (Event) -> Void,
        onEnd: @escaping (TCPConnection) -> Void = { $0.closeWhenSent(by: .now() + .seconds(10)) },
        onBytes: @escaping (TCPConnection, [UInt8]) -> Int
    ) {
        self.report = report
        self.onEnd = onEnd
        self.onBytes = onBytes
    }

    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int {
        onBytes(connection, bytes.indices.map { bytes[$0] })
    }

    func inputEnded(on connection: TCPConnection) {
        report(.inputEnded)
        onEnd(connection)
    }

    func deadlinePassed(on connection: TCPConnection) {
        report(.deadline)
        connection.close()
    }

    func closed(_ reason: CloseReason, on connection: TCPConnection) {
        report(.closed(reason))
    }
}

/// Events as they come, awaited one by one.
private final class Events: Sendable {
    private let list = Mutex<[ScriptedHandler.Event]>([])
    private let available = DispatchSemaphore(value: 0)

    func add(_ event: ScriptedHandler.Event) {
        list.withLock { $0.append(event) }
        available.signal()
    }

    func next() throws -> ScriptedHandler.Event {
        try #require(available.wait(timeout: .now() + 10) == .success, "no event came")
        return list.withLock { $0.removeFirst() }
    }
}

@Suite struct TCPConnectionTests {
    private func serve(
        _ settings: TCPConnectionSettings = TCPConnectionSettings(),
        handler: @escaping @Sendable (TCPConnection) -> any ConnectionHandler,
        body: (UInt16, EventLoop) throws -> Void
    ) throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        defer { loop.stop() }
        let listener = try TCPListener(
            address: "127.0.0.1:0",
            setting: "server.listen",
            name: "test",
            loop: loop,
            settings: settings,
            log: .silent,
            metrics: MetricsRegistry(),
            accept: handler
        )
        listener.start()
        try body(listener.port, loop)
    }

    @Test func `large echoes come back whole`() throws {
        try serve(handler: { _ in EchoHandler() }) { port, _ in
            let peer = try LoopbackPeer(port: port)
            let block = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            for _ in 0..<20 {
                try peer.send(block)
                #expect(try peer.receive(exactly: block.count) == block)
            }
        }
    }

    @Test func `what is sent before a half-close is answered, then the stream ends`() throws {
        let events = Events()
        try serve(handler: { _ in
            ScriptedHandler(report: events.add) { connection, bytes in
                connection.send(bytes)
                return bytes.count
            }
        }) { port, _ in
            let peer = try LoopbackPeer(port: port)
            try peer.send("last words")
            peer.endOutput()
            #expect(try peer.receiveAll() == Array("last words".utf8))
            #expect(try events.next() == .inputEnded)
            #expect(try events.next() == .closed(.requested))
        }
    }

    @Test func `bytes a handler leaves are offered again in front of the next`() throws {
        let events = Events()
        // Takes lines only.
        try serve(handler: { _ in
            ScriptedHandler(report: events.add) { connection, bytes in
                guard let end = bytes.lastIndex(of: 10) else { return 0 }
                connection.send(Array(bytes[...end]))
                return end + 1
            }
        }) { port, _ in
            let peer = try LoopbackPeer(port: port)
            try peer.send("one\ntw")
            #expect(try peer.receive(exactly: 4) == Array("one\n".utf8))
            try peer.send("o\nthree")
            #expect(try peer.receive(exactly: 4) == Array("two\n".utf8))
            try peer.send("\n")
            #expect(try peer.receive(exactly: 6) == Array("three\n".utf8))
        }
    }

    @Test func `a handler that leaves too much is cut off`() throws {
        let events = Events()
        try serve(
            TCPConnectionSettings(leftoverMax: 1000),
            handler: { _ in ScriptedHandler(report: events.add) { _, _ in 0 } }
        ) { port, _ in
            let peer = try LoopbackPeer(port: port)
            try peer.send([UInt8](repeating: 1, count: 1001))
            #expect(try events.next() == .closed(.leftoverTooLong))
        }
    }

    @Test func `a paused connection reads nothing until it is resumed`() throws {
        let events = Events()
        let paused = DispatchSemaphore(value: 0)
        let held = Mutex<TCPConnection?>(nil)
        let first = Atomic(true)
        try serve(handler: { connection in
            held.withLock { $0 = connection }
            return ScriptedHandler(report: events.add) { connection, bytes in
                if first.exchange(false, ordering: .relaxed) {
                    connection.pauseReading()
                    paused.signal()
                    return 1
                }
                connection.send(bytes)
                return bytes.count
            }
        }) { port, loop in
            let peer = try LoopbackPeer(port: port)
            try peer.send("abc")
            paused.wait()
            try peer.send("def")
            peer.endOutput()
            loop.execute { held.withLock { $0 }?.resumeReading() }
            #expect(try peer.receiveAll() == Array("bcdef".utf8))
            #expect(try events.next() == .inputEnded)
        }
        held.withLock { $0 = nil }
    }

    @Test func `reading stops while a peer does not take its answers, and goes on when it does`()
        throws
    {
        let events = Events()
        let limit = 64 << 10
        let worst = Atomic(0)
        let full = DispatchSemaphore(value: 0)
        // Each byte is answered by a thousand.
        try serve(
            TCPConnectionSettings(outputMax: limit),
            handler: { _ in
                ScriptedHandler(report: events.add) { connection, bytes in
                    var taken = 0
                    while taken < bytes.count && !connection.isOutputFull {
                        connection.send([UInt8](repeating: bytes[taken], count: 1000))
                        taken += 1
                    }
                    worst.max(connection.unsentBytes, ordering: .relaxed)
                    if connection.isOutputFull { full.signal() }
                    return taken
                }
            }
        ) { port, _ in
            let peer = try LoopbackPeer(port: port, receiveBufferBytes: 4096)
            let count = 20_000
            try peer.send([UInt8](repeating: 7, count: count))
            // The peer takes nothing before the server has had to stop.
            full.wait()
            let answer = try peer.receive(exactly: count * 1000)
            #expect(answer.allSatisfy { $0 == 7 })
            let most = worst.load(ordering: .relaxed)
            #expect(most > limit && most <= limit + 1000, "\(most) bytes waited")
            peer.endOutput()
            #expect(try peer.receiveAll().isEmpty)
        }
    }

    @Test func `a deadline is absolute: bytes do not move it`() throws {
        let events = Events()
        try serve(handler: { connection in
            connection.deadline = .now() + .milliseconds(50)
            return ScriptedHandler(report: events.add) { connection, bytes in
                connection.send(bytes)
                return bytes.count
            }
        }) { port, _ in
            let start = MonotonicInstant.now()
            let peer = try LoopbackPeer(port: port)
            // One byte after the other until the server has had enough.
            while true {
                do {
                    try peer.send("x")
                    guard let echo = try peer.receive(atMost: 1), !echo.isEmpty else { break }
                } catch {
                    break
                }
            }
            #expect(MonotonicInstant.now() - start >= .milliseconds(50))
            #expect(try events.next() == .deadline)
            #expect(try events.next() == .closed(.requested))
        }
    }

    @Test func `a deadline may be moved both ways`() throws {
        let events = Events()
        try serve(handler: { connection in
            connection.deadline = .now() + .seconds(3600)
            connection.deadline = .now() + .milliseconds(10)
            connection.deadline = .now() + .milliseconds(20)
            return ScriptedHandler(report: events.add) { _, bytes in bytes.count }
        }) { port, _ in
            let peer = try LoopbackPeer(port: port)
            #expect(try events.next() == .deadline)
            #expect(try peer.receiveAll().isEmpty)
        }
    }

    @Test func `an answer given before the request was read whole arrives without a reset`() throws
    {
        let events = Events()
        try serve(handler: { _ in
            ScriptedHandler(report: events.add) { connection, bytes in
                connection.send(Array("too much".utf8))
                connection.closeWhenSent(by: .now() + .seconds(10))
                return bytes.count
            }
        }) { port, _ in
            let peer = try LoopbackPeer(port: port)
            try peer.send([UInt8](repeating: 0, count: 4 << 20))
            #expect(try peer.receiveAll() == Array("too much".utf8))
            peer.endOutput()
            #expect(try events.next() == .closed(.requested))
        }
    }

    @Test func `a peer that neither reads nor closes is let go at the deadline`() throws {
        let events = Events()
        try serve(handler: { _ in
            ScriptedHandler(report: events.add) { connection, bytes in
                connection.send([UInt8](repeating: 0, count: 64 << 20))
                connection.closeWhenSent(by: .now() + .milliseconds(30))
                return bytes.count
            }
        }) { port, _ in
            let peer = try LoopbackPeer(port: port, receiveBufferBytes: 4096)
            try peer.send("x")
            #expect(try events.next() == .closed(.outputStalled))
        }
    }

    @Test func `a peer that keeps sending after the answer is let go when the linger time is over`()
        throws
    {
        let events = Events()
        try serve(
            TCPConnectionSettings(lingerMax: .milliseconds(20)),
            handler: { _ in
                ScriptedHandler(report: events.add) { connection, bytes in
                    connection.send(Array("bye".utf8))
                    connection.closeWhenSent(by: .now() + .seconds(10))
                    return bytes.count
                }
            }
        ) { port, _ in
            let peer = try LoopbackPeer(port: port)
            try peer.send("x")
            #expect(try peer.receiveAll() == Array("bye".utf8))
            #expect(try events.next() == .closed(.requested))
        }
    }

    @Test func `a reset is told`() throws {
        let events = Events()
        try serve(handler: { _ in
            ScriptedHandler(report: events.add) { connection, bytes in
                connection.send(bytes)
                return bytes.count
            }
        }) { port, _ in
            do {
                let peer = try LoopbackPeer(port: port)
                try peer.send("x")
                _ = try peer.receive(exactly: 1)
                peer.resetOnClose()
            }
            guard case .closed(.failed(let error)) = try events.next() else {
                Issue.record("no failure")
                return
            }
            #expect(error.code == ECONNRESET)
        }
    }

    @Test func `a loop that stops tells its connections`() throws {
        let events = Events()
        try serve(handler: { _ in
            ScriptedHandler(report: events.add) { connection, bytes in
                connection.send(bytes)
                return bytes.count
            }
        }) { port, loop in
            let peer = try LoopbackPeer(port: port)
            try peer.send("x")
            _ = try peer.receive(exactly: 1)
            loop.stop()
            #expect(try events.next() == .closed(.loopStopped))
            #expect(try peer.receiveAll().isEmpty)
        }
    }
}
