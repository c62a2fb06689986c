import CloudWatchStandIn
import HTTPClient
import HTTPServer
import Synchronization
import Timekeeping

/// Answers requests from a function and keeps them.
final class FakeHTTP: HTTPSending {
    typealias Answer = @Sendable (HTTPClientRequest) throws(HTTPClientError) -> HTTPClientReply

    private let answer: Answer
    private let kept = Mutex<[HTTPClientRequest]>([])

    init(_ answer: @escaping Answer) {
        self.answer = answer
    }

    /// What was sent, in order.
    var requests: [HTTPClientRequest] { kept.withLock { $0 } }

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        kept.withLock { $0.append(request) }
        return try answer(request)
    }

    /// The answer alone; the request is not kept.
    func answered(_ request: HTTPClientRequest) throws(HTTPClientError) -> HTTPClientReply {
        try answer(request)
    }

    /// The stand-in mounted behind the client, no socket between.
    static func mounting(
        _ standIn: CloudWatchStandIn,
        before: @escaping @Sendable (HTTPClientRequest) throws(HTTPClientError) -> Void = { _ in }
    ) -> FakeHTTP {
        FakeHTTP { (request) throws(HTTPClientError) in
            try before(request)
            let host = request.url.split(separator: "/")[1]
            let response = standIn.respond(
                to: HTTPRequest(
                    method: request.method,
                    path: "/",
                    headers: request.headers.map { ($0.name.lowercased(), $0.value) }
                        + [("host", String(host))],
                    body: request.body
                )
            )
            return HTTPClientReply(
                status: response.status,
                headers: response.headers.map { ($0.name.lowercased(), $0.value) },
                body: response.body
            )
        }
    }
}

extension HTTPClientRequest {
    /// The first value of a header by its name in any case.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Moves a manual clock instead of waiting, and keeps what was slept.
final class VirtualSleeper: Sleeper {
    private let slept = Mutex<[Duration]>([])
    private let advance: @Sendable (Duration) -> Void

    private let isCancelled: Bool

    init(isCancelled: Bool = false, _ advance: @escaping @Sendable (Duration) -> Void = { _ in }) {
        self.isCancelled = isCancelled
        self.advance = advance
    }

    var pauses: [Duration] { slept.withLock { $0 } }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        if isCancelled { throw CancellationError() }
        slept.withLock { $0.append(duration) }
        advance(duration)
        await Task.yield()
    }
}
