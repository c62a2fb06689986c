import CCurl
import ServiceRuntime
import Synchronization
import Telemetry

/// The thread that owns all of curl's state; others hand it commands through a queue.
///
/// Proof for `@unchecked Sendable`: `inbox` is a mutex; `multi` is used off the thread for `curl_multi_wakeup`
/// only, which curl allows at any time while the handle lives, and it lives as long as the worker; everything else
/// is the thread's own.
@safe
final class CurlWorker: @unchecked Sendable {
    private enum Command {
        case begin(RequestTicket, Transfer)
        case cancel(RequestTicket)
    }

    private struct Inbox {
        var commands: [Command] = []
        var stopping = false
    }

    /// Idle handles that are kept for reuse.
    private static let spareMax = 16

    private let settings: HTTPClientSettings
    private let log: Log
    private let multi: UnsafeMutableRawPointer
    private let inbox = Mutex(Inbox())
    /// By the address of curl's handle.
    private var running: [UInt: (ticket: RequestTicket, handle: CurlHandle)] = [:]
    private var spare: [CurlHandle] = []

    /// Nil when curl cannot be initialised.
    init?(settings: HTTPClientSettings, log: Log) {
        guard CurlWorker.globalState == CURLE_OK, let made = unsafe curl_multi_init() else {
            return nil
        }
        unsafe multi = made
        self.settings = settings
        self.log = log
        unsafe tocsin_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        unsafe tocsin_curl_multi_set_long(
            multi,
            CURLMOPT_MAX_HOST_CONNECTIONS,
            settings.connectionsPerHostMax
        )
        if let kept = settings.connectionsKeptMax {
            unsafe tocsin_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, kept)
        }
    }

    deinit {
        unsafe curl_multi_cleanup(multi)
    }

    /// Initialises curl once for the process.
    private static let globalState = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    // MARK: Any thread

    /// False when the worker stops and the transfer will not run.
    func begin(_ ticket: RequestTicket, _ transfer: Transfer) -> Bool {
        post(.begin(ticket, transfer))
    }

    func cancel(_ ticket: RequestTicket) { _ = post(.cancel(ticket)) }

    /// Has `run` cancel what is under way and return.
    func stop() {
        inbox.withLock { $0.stopping = true }
        unsafe curl_multi_wakeup(multi)
    }

    private func post(_ command: Command) -> Bool {
        let accepted = inbox.withLock { inbox in
            guard !inbox.stopping else { return false }
            inbox.commands.append(command)
            return true
        }
        if accepted { unsafe curl_multi_wakeup(multi) }
        return accepted
    }

    // MARK: The thread

    /// The thread's body, until `stop`.
    func run() {
        while true {
            let (commands, stopping) = inbox.withLock { inbox in
                defer { inbox.commands = [] }
                return (inbox.commands, inbox.stopping)
            }
            for command in commands { obey(command) }
            if stopping { break }
            advance()
        }
        for entry in running.values { end(entry.handle, .failure(.cancelled)) }
        running = [:]
        spare = []
    }

    private func obey(_ command: Command) {
        switch command {
        case .begin(let ticket, let transfer): begin(ticket, with: transfer)
        case .cancel(let ticket):
            guard let key = running.first(where: { $0.value.ticket === ticket })?.key,
                let entry = running.removeValue(forKey: key)
            else { return }
            end(entry.handle, .failure(.cancelled))
        }
    }

    private func begin(_ ticket: RequestTicket, with transfer: Transfer) {
        let host = transfer.prepared.origin.description
        guard !ticket.isCancelled else { return transfer.finish(.failure(.cancelled)) }
        guard running.count < settings.transfersMax else {
            let reason = "more than \(settings.transfersMax) requests are under way"
            return transfer.finish(.failure(.unreachable(host: host, reason: reason)))
        }
        guard let handle = spare.popLast() ?? CurlHandle(), handle.prepare(transfer, settings)
        else {
            let reason = "curl cannot set the request up"
            return transfer.finish(.failure(.unreachable(host: host, reason: reason)))
        }
        let code = unsafe curl_multi_add_handle(multi, handle.easy)
        guard code == CURLM_OK else {
            handle.reset()
            let reason = unsafe String(cString: curl_multi_strerror(code))
            return transfer.finish(.failure(.unreachable(host: host, reason: reason)))
        }
        running[handle.address] = (ticket, handle)
    }

    /// Moves bytes, ends what is through, and waits for more or for a command.
    private func advance() {
        var count: Int32 = 0
        check(unsafe curl_multi_perform(multi, &count), "curl_multi_perform")
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE,
                let easy = unsafe message.pointee.easy_handle,
                let entry = running.removeValue(forKey: UInt(bitPattern: easy))
            else { continue }
            let code = unsafe message.pointee.data.result
            end(entry.handle, entry.handle.outcome(code))
        }
        check(unsafe curl_multi_poll(multi, nil, 0, 60000, nil), "curl_multi_poll")
    }

    private func end(_ handle: CurlHandle, _ outcome: Transfer.Outcome) {
        check(unsafe curl_multi_remove_handle(multi, handle.easy), "curl_multi_remove_handle")
        let transfer = handle.transfer
        handle.reset()
        if spare.count < CurlWorker.spareMax { spare.append(handle) }
        transfer?.finish(outcome)
    }

    private func check(_ code: CURLMcode, _ call: String) {
        guard code != CURLM_OK else { return }
        log.error(
            "curl failed",
            ["call": call, "reason": unsafe String(cString: curl_multi_strerror(code))]
        )
    }
}

/// One call of `send`, by which its transfer is found when the caller's task is cancelled.
final class RequestTicket: Sendable {
    private let cancelled = Atomic(false)

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() { cancelled.store(true, ordering: .releasing) }
}
