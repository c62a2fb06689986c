import Dispatch
import Glibc
import Telemetry
import TestSupport
import Testing

@testable import ServiceRuntime

@Suite struct TCPListenerTests {
    private func listener(
        _ address: String,
        on loop: EventLoop,
        metrics: MetricsRegistry = MetricsRegistry(),
        security: (@Sendable () -> (any StreamSecurity)?)? = nil
    ) throws -> TCPListener {
        try TCPListener(
            address: address,
            setting: "server.listen",
            name: "test",
            loop: loop,
            log: .silent,
            metrics: metrics,
            security: security
        ) { _ in EchoHandler() }
    }

    @Test func `a connection without its encryption is closed and counted, never served plain`()
        throws
    {
        let loop = try EventLoop(name: "test")
        try loop.start()
        let metrics = MetricsRegistry()
        let listener = try listener("127.0.0.1:0", on: loop, metrics: metrics, security: { nil })
        listener.start()
        let peer = try LoopbackPeer(port: listener.port)
        #expect(try peer.receiveAll() == [])
        loop.stop()
        let closed = metrics.counter(
            "tocsin_accept_failures",
            help: "",
            labels: [("listener", "test"), ("cause", "security")]
        )
        #expect(closed.value == 1)
    }

    @Test func `a taken address is refused with what to do`() throws {
        let loop = try EventLoop(name: "test")
        let first = try listener("127.0.0.1:0", on: loop)
        let address = "127.0.0.1:\(first.port)"
        #expect(first.address == address)
        let error = #expect(throws: ListenError.self) { try listener(address, on: loop) }
        #expect(
            error?.description
                == "address already in use: \(address); stop the other process or change server.listen"
        )
    }

    @Test func `an address of another machine and a name that does not exist are refused`() throws {
        let loop = try EventLoop(name: "test")
        #expect(throws: ListenError.notLocal("192.0.2.1:0", setting: "server.listen")) {
            try listener("192.0.2.1:0", on: loop)
        }
        let error = #expect(throws: ListenError.self) {
            try listener("no.such.host.invalid:0", on: loop)
        }
        guard case .unresolved = error else {
            Issue.record("not unresolved: \(String(describing: error))")
            return
        }
    }

    @Test(arguments: ["127.0.0.1:0", "localhost:0", ":0", "[::]:0"])
    func `each form of address accepts over IPv4`(address: String) throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        defer { loop.stop() }
        let listener = try listener(address, on: loop)
        listener.start()
        let peer = try LoopbackPeer(port: listener.port)
        try peer.send("hello")
        #expect(try peer.receive(exactly: 5) == Array("hello".utf8))
    }

    @Test func `a closed listener frees its port and keeps its connections`() throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        defer { loop.stop() }
        let metrics = MetricsRegistry()
        let listener = try listener("127.0.0.21:0", on: loop, metrics: metrics)
        listener.start()
        let peer = try LoopbackPeer(port: listener.port, host: 21)
        try peer.send("a")
        #expect(try peer.receive(exactly: 1) == Array("a".utf8))
        #expect(metrics.exposition(.text).contains("tocsin_connections{listener=\"test\"} 1\n"))
        listener.close()
        let done = DispatchSemaphore(value: 0)
        loop.execute { done.signal() }
        done.wait()
        #expect(!LoopbackPeer.canConnect(port: listener.port, host: 21))
        try peer.send("b")
        #expect(try peer.receive(exactly: 1) == Array("b".utf8))
    }

    @Test func `running out of descriptors is survived and counted, in a process of its own`() async
    {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop(name: "test")
            try loop.start()
            let metrics = MetricsRegistry()
            let refused = DispatchSemaphore(value: 0)
            let log = Log(component: "test") { line in
                if line.contains("accepting rests") { refused.signal() }
            }
            let listener = try TCPListener(
                address: "127.0.0.1:0",
                setting: "server.listen",
                name: "test",
                loop: loop,
                log: log,
                metrics: metrics
            ) { _ in EchoHandler() }
            listener.start()
            let peer = try LoopbackPeer(port: listener.port)
            try peer.send("a")
            #expect(try peer.receive(exactly: 1) == Array("a".utf8))
            // The next peer's own descriptor is the last one: none is left to accept it with.
            let last = dup(0)
            close(last)
            var limit = rlimit(rlim_cur: rlim_t(last + 1), rlim_max: rlim_t(last + 1))
            unsafe #expect(setrlimit(__rlimit_resource_t(7), &limit) == 0)
            let second = try LoopbackPeer(port: listener.port)
            try second.send("b")
            #expect(refused.wait(timeout: .now() + 10) == .success)
            try peer.send("c")
            #expect(try peer.receive(exactly: 1) == Array("c".utf8))
            // Standard input is given up for the connection that waits.
            close(0)
            #expect(try second.receive(exactly: 1) == Array("b".utf8))
            let failures = metrics.counter(
                "tocsin_accept_failures",
                help: "",
                labels: [("listener", "test"), ("cause", "descriptors")]
            )
            #expect(failures.value > 0)
            loop.stop()
        }
    }
}

/// Sends back what comes.
final class EchoHandler: ConnectionHandler {
    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int {
        connection.send(bytes.indices.map { bytes[$0] })
        return bytes.count
    }

    func inputEnded(on connection: TCPConnection) {
        connection.closeWhenSent(by: .now() + .seconds(10))
    }

    func deadlinePassed(on connection: TCPConnection) {}

    func closed(_ reason: CloseReason, on connection: TCPConnection) {}
}
