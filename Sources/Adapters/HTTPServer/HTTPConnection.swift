import ServiceRuntime

/// One client's connection: requests in, answers out, in order, one at a time.
///
/// While a handler works nothing more is parsed, so pipelined requests wait in the kernel's buffer.
final class HTTPConnection: ConnectionHandler {
    /// Requests answered in one turn of the loop, so that a client that pipelines does not starve others.
    private static let turnMax = 64

    private let core: HTTPServerCore
    private let id: Int
    private let tcp: TCPConnection
    private var parser: HTTPRequestParser
    private var clock: HTTPExchangeClock
    private var exchange: HTTPExchange?
    /// Counts requests, so that a handler's answer finds the one it belongs to.
    private var number = 0
    private var inputOver = false

    init(core: HTTPServerCore, id: Int, tcp: TCPConnection) {
        self.core = core
        self.id = id
        self.tcp = tcp
        parser = HTTPRequestParser(limits: core.settings.head)
        clock = HTTPExchangeClock(settings: core.settings, at: .now())
        tcp.deadline = clock.deadline
    }

    /// The server drains: a connection without a request is closed, the others after their answer.
    func drain() {
        if exchange == nil && parser.isAtStart { closeWhenSent(at: .now()) }
    }

    // MARK: ConnectionHandler

    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int {
        let now = MonotonicInstant.now()
        var offset = 0
        defer { tcp.deadline = tcp.isClosing ? tcp.deadline : clock.deadline }
        let first = number
        while clock.phase != .handling && !tcp.isClosing && !tcp.isOutputFull {
            if number - first >= HTTPConnection.turnMax && exchange == nil && offset < bytes.count {
                takeTurns()
                return offset
            }
            switch parser.parse(bytes, from: &offset) {
            case .needMore:
                progressed(at: now)
                return offset
            case .head(let head): begin(head, bodyFollows: offset < bytes.count, at: now)
            case .complete: complete(at: now)
            case .failed(let error): refuse(HTTPRefusal(error), error.status, error.reason, at: now)
            }
        }
        // A client that pipelines is held back until its answer is out.
        if offset < bytes.count && clock.phase == .handling { tcp.pauseReading() }
        return offset
    }

    func inputEnded(on connection: TCPConnection) {
        inputOver = true
        if clock.phase != .handling { closeWhenSent(at: .now()) }
    }

    func deadlinePassed(on connection: TCPConnection) {
        let now = MonotonicInstant.now()
        switch clock.expire(unsentBytes: tcp.unsentBytes) {
        case .wait: tcp.deadline = clock.deadline
        case .closeIdle:
            if tcp.unsentBytes > 0 { core.count(.slowReader) }
            tcp.close()
        case .slowHead: refuse(.slowHead, 408, "the headers did not come in time", at: now)
        case .slowBody:
            let floor = core.settings.transferFloor
            refuse(.slowBody, 408, "the body came slower than \(floor) bytes a second", at: now)
        }
    }

    func closed(_ reason: CloseReason, on connection: TCPConnection) {
        if reason == .outputStalled { core.count(.slowReader) }
        core.release(exchange?.reservedBytes ?? 0)
        exchange = nil
        core.forget(id)
    }

    // MARK: Reading

    /// Lets the other connections have their turn before the next request is read.
    private func takeTurns() {
        tcp.pauseReading()
        let tcp = tcp
        tcp.loop.execute { tcp.resumeReading() }
    }

    private func progressed(at now: MonotonicInstant) {
        guard exchange != nil else {
            if !parser.isAtStart { clock.headBegan(at: now) }
            return
        }
        clock.bodyGrew(to: parser.bodyBytes)
        let reserved = exchange?.reservedBytes ?? 0
        if parser.bodyBytes > reserved { reserve(parser.bodyBytes - reserved, at: now) }
    }

    private func begin(_ head: HTTPRequestHead, bodyFollows: Bool, at now: MonotonicInstant) {
        var exchange = HTTPExchange(
            head,
            remote: tcp.remote,
            gzipMin: core.settings.gzipMin,
            at: now
        )
        let match = core.router.match(head.method, head.target.segments)
        var bodyMax = 0
        if case .found(let route, let parameters) = match {
            exchange.route = route
            exchange.request.route = core.routes[route].pattern
            exchange.request.pathParameters = parameters
            bodyMax = core.routes[route].bodyMax
        }
        number += 1
        self.exchange = exchange
        if let answer = core.precheck(exchange.request) ?? decided(match, head) {
            decide(answer, head.framing)
        } else if case .length(let count) = head.framing, count > bodyMax {
            refuse(.bodyTooLong, 413, "the body is longer than \(bodyMax) bytes", at: now)
        } else {
            accept(head, bodyMax: bodyMax, bodyFollows: bodyFollows, at: now)
        }
    }

    /// What the head alone answers: OPTIONS, 404 and 405.
    private func decided(_ match: HTTPRouter.Match, _ head: HTTPRequestHead) -> HTTPResponse? {
        switch match {
        case .found: return nil
        case .notFound where head.target.path == "*":
            return HTTPResponse(status: 204, headers: [("Allow", core.router.allow)])
        case .methodNotAllowed(let allow) where head.method == "OPTIONS":
            return HTTPResponse(status: 204, headers: [("Allow", allow)])
        case .methodNotAllowed(let allow):
            return refusal(
                405,
                "\(head.method) is not allowed here; use one of \(allow)",
                [("Allow", allow)]
            )
        case .notFound: return refusal(404, "there is nothing at \(head.target.path)")
        }
    }

    /// Without a body the request ends here and the connection stays; else it is closed with the body unread.
    private func decide(_ answer: HTTPResponse, _ framing: HTTPRequestHead.Framing) {
        guard framing == .none else {
            exchange?.keepAlive = false
            return respond(answer, at: .now())
        }
        exchange?.decided = answer
        parser.acceptBody(bodyMax: 0)
    }

    private func accept(
        _ head: HTTPRequestHead,
        bodyMax: Int,
        bodyFollows: Bool,
        at now: MonotonicInstant
    ) {
        if case .length(let count) = head.framing {
            guard reserve(count, at: now) else { return }
        }
        parser.acceptBody(bodyMax: bodyMax)
        guard head.framing != .none else { return }
        clock.bodyBegan(at: now)
        if head.expectsContinue && !bodyFollows {
            tcp.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
    }

    /// Takes body bytes from the server's budget, or answers 503.
    @discardableResult
    private func reserve(_ bytes: Int, at now: MonotonicInstant) -> Bool {
        guard core.reserve(bytes) else {
            refuse(.bodyMemory, 503, "too many request bodies are under way; try again", at: now)
            return false
        }
        exchange?.reservedBytes += bytes
        return true
    }

    private func complete(at now: MonotonicInstant) {
        let body = parser.takeBody()
        if let answer = exchange?.decided { return respond(answer, at: now) }
        exchange?.request.body = body
        guard let exchange, let route = exchange.route else { return }
        let (request, coding) = (exchange.request, exchange.coding)
        switch core.routes[route].handler {
        case .inline(let handle): respond(coding.applied(to: handle(request)), at: .now())
        case .blocking(let handle):
            let queued = core.runBlocking(for: id, number) { coding.applied(to: handle(request)) }
            guard queued else {
                return refuse(
                    .workersBusy,
                    503,
                    "too many requests are waiting; try again",
                    at: now
                )
            }
            clock.handlingBegan()
        case .async(let handle):
            let started = core.runTask(for: id, number) {
                coding.applied(to: await handle(request))
            }
            guard started else {
                return refuse(
                    .tasksBusy,
                    503,
                    "too many requests are under way; try again",
                    at: now
                )
            }
            clock.handlingBegan()
        }
    }

    // MARK: Answering

    /// A handler's answer has come from its thread; it is dropped when its request is over.
    func handled(_ response: HTTPResponse, number: Int) {
        guard number == self.number, clock.phase == .handling else { return }
        respond(response, at: .now())
        tcp.deadline = tcp.isClosing ? tcp.deadline : clock.deadline
        tcp.resumeReading()
    }

    /// Ends a request that no handler sees; where the body's end is unknown the connection ends too.
    private func refuse(
        _ cause: HTTPRefusal,
        _ status: Int,
        _ reason: String,
        at now: MonotonicInstant
    ) {
        core.count(cause)
        var reason = reason
        if cause == .bodyTooLong, let route = exchange?.route {
            let advice = core.routes[route].bodyAdvice
            if !advice.isEmpty { reason += "; \(advice)" }
        }
        if cause != .workersBusy && cause != .tasksBusy { exchange?.keepAlive = false }
        respond(refusal(status, reason), at: now)
    }

    private func refusal(
        _ status: Int,
        _ reason: String,
        _ headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        var response = HTTPResponse(
            status: status,
            contentType: "text/plain; charset=utf-8",
            "\(status) \(HTTPStatus.reason(status)): \(reason)\n"
        )
        response.headers += headers
        if status == 503 { response.headers.append(("Retry-After", "1")) }
        guard let request = exchange?.request else { return response }
        return core.fallback(request, response)
    }

    private func respond(_ response: HTTPResponse, at now: MonotonicInstant) {
        let exchange = exchange
        let keepAlive = (exchange?.keepAlive ?? false) && !core.isDraining && !inputOver
        let form = HTTPResponseWriter.Form(
            isHead: exchange?.isHead ?? false,
            isHTTP10: exchange?.isHTTP10 ?? false,
            keepAlive: keepAlive,
            date: core.date()
        )
        let (response, head) = core.head(response, form)
        let body = HTTPResponseWriter.body(response, form)
        core.observe(
            route: exchange?.route,
            status: response.status,
            since: exchange?.began,
            to: now
        )
        core.release(exchange?.reservedBytes ?? 0)
        self.exchange = nil
        tcp.send(head, then: body)
        clock.answered(bytes: tcp.unsentBytes, at: now)
        if !keepAlive { closeWhenSent(at: now) }
    }

    private func closeWhenSent(at now: MonotonicInstant) {
        tcp.closeWhenSent(by: now + core.settings.transferTime(tcp.unsentBytes))
    }
}
