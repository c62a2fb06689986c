import HTTPClient
import Ingest
import Model
import ScrapeIngest
import Synchronization
import TestSupport
import Timekeeping

/// Keeps every batch that is let in, as text.
final class RecordingDoor: SampleAdmitting {
    struct Taken {
        var source: String
        var samples: [String]
    }

    private let taken = Mutex<[Taken]>([])
    private let overloads = Mutex(0)

    func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
        let isOverloaded = overloads.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
        guard !isOverloaded else { return .overloaded(retryAfter: .seconds(1), reason: "full") }
        taken.withLock { $0.append(Taken(source: source, samples: batch.texts)) }
        var result = AppendResult()
        result.accepted = batch.sampleCount
        return .admitted(result)
    }

    /// Turns away that many batches.
    func overload(_ count: Int) { overloads.withLock { $0 = count } }

    /// Everything since the last call, in order of series.
    func drain() -> [String] {
        taken.withLock { taken in
            defer { taken = [] }
            return taken.flatMap(\.samples).sorted()
        }
    }

    /// The same without the series about scrapes.
    func drainPages() -> [String] {
        drain().filter { !$0.hasPrefix("up{") && !$0.hasPrefix("scrape_") }
    }
}

/// Answers scrapes from a table of pages.
final class PageServer: HTTPSending {
    typealias Answer = @Sendable (HTTPClientRequest) throws(HTTPClientError) -> HTTPClientReply

    private let answers = Mutex<[String: Answer]>([:])
    private let seen = Mutex<[HTTPClientRequest]>([])

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        seen.withLock { $0.append(request) }
        guard let answer = answers.withLock({ $0[request.url] }) else {
            throw .unreachable(host: request.url, reason: "connection refused")
        }
        return try answer(request)
    }

    func serve(_ url: String, _ page: String, type: String = "text/plain; version=0.0.4") {
        answer(url) { _ in
            HTTPClientReply(status: 200, headers: [("content-type", type)], body: Array(page.utf8))
        }
    }

    func answer(_ url: String, _ answer: @escaping Answer) {
        answers.withLock { $0[url] = answer }
    }

    func stop(_ url: String) { answers.withLock { $0[url] = nil } }

    var requests: [HTTPClientRequest] { seen.withLock { $0 } }
}

/// Moves the clock instead of waiting.
struct SteppingSleeper: Sleeper {
    let clock: ManualClock

    func sleep(for duration: Duration) async throws {
        clock.advance(by: duration)
    }
}
