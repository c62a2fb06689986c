import ElasticsearchIngest
import Ingest
import Model
import TestSupport
import Timekeeping

/// A cluster as values: documents that become searchable late, points in time that are lost, answers that fail.
struct SimulatedCluster {
    struct Document {
        var index: String
        var id: String
        var at: Timestamp
        var searchable: Timestamp
    }

    private(set) var documents: [Document] = []
    /// What the point in time that is open sees, in the order of the sort.
    private var point: [Document]?
    private(set) var pointsOpened = 0

    mutating func add(_ id: String, at: Timestamp, searchable: Timestamp, index: String = "logs") {
        documents.append(Document(index: index, id: id, at: at, searchable: searchable))
    }

    mutating func open(at now: Timestamp) {
        pointsOpened += 1
        point = documents.enumerated().filter { $0.element.searchable <= now }
            .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }

    mutating func losePoint() { point = nil }

    /// Answers as the API says; nil when the point in time is gone.
    func answer(_ request: SearchRequest, arrival: Timestamp) -> SearchAnswer? {
        guard let point else { return nil }
        var hits: [SearchHit] = []
        for (place, one) in point.enumerated() where one.at >= request.from {
            guard one.at < request.before, hits.count < request.size else { break }
            if let ids = request.ids, !ids.contains(one.id) { continue }
            if let after = request.after, Int(after).map({ place <= $0 }) ?? true { continue }
            var hit = SearchHit(
                index: one.index,
                id: one.id,
                key: SearchReader.key(one.index, one.id),
                at: one.at,
                sort: "\(place)"
            )
            if request.withDocuments {
                hit.record = LogRecord(
                    tag: one.index,
                    eventTime: one.at,
                    arrivalTime: arrival,
                    fields: [("id", .string("\(one.index)/\(one.id)"))]
                )
            }
            hits.append(hit)
        }
        return SearchAnswer(hits: hits, shards: 1)
    }
}

/// A reader of a simulated cluster that may be killed and started again at any step.
struct SimulatedReader {
    enum Fault: CaseIterable {
        case none, lost, busy, partial, unreachable, unusable, tooLarge, permanent
    }

    var cluster = SimulatedCluster()
    let settings: PullSettings
    /// What is on disk.
    private(set) var stored: StoredPull?
    /// How often each document was counted.
    private(set) var counts: [String: Int] = [:]
    private(set) var notes = PullCursor.Notes()
    private(set) var reads = 0
    private(set) var rests = 0
    private(set) var waits: [Duration?] = []
    private(set) var requests: [SearchRequest] = []
    var cursor: PullCursor?
    var now: Timestamp

    init(_ settings: PullSettings, at now: Timestamp) {
        self.settings = settings
        self.now = now
    }

    /// The process ends and a new one begins.
    mutating func restart() {
        cursor = nil
        cluster.losePoint()
    }

    /// One whole read.
    ///
    /// - Parameters:
    ///   - fault: What each request comes to.
    ///   - dies: True when the process ends at this step, before or after what is done there.
    mutating func read(
        fault: (SearchRequest?) -> Fault = { _ in .none },
        dies: () -> Bool = { false }
    ) {
        var cursor = self.cursor ?? PullCursor(settings, stored: stored, at: now)
        var event = PullCursor.Event.woke
        for _ in 0..<100_000 {
            let action = cursor.advance(event, at: now)
            note(cursor.takeNotes())
            self.cursor = cursor
            if dies() { return restart() }
            switch action {
            case .open:
                switch fault(nil) {
                case .unreachable: event = .failed(Self.problem(.unreachable))
                case .busy: event = .failed(Self.problem(.busy))
                case .permanent: event = .failed(Self.problem(.permanent))
                case .none, .lost, .partial, .unusable, .tooLarge:
                    cluster.open(at: now)
                    event = .opened
                }
            case .search(let request):
                requests.append(request)
                let fault = fault(request)
                if fault == .lost { cluster.losePoint() }
                if fault == .none || fault == .lost {
                    event =
                        cluster.answer(request, arrival: now).map { .answered($0) }
                        ?? .failed(Self.problem(.lost))
                } else {
                    event = .failed(Self.problem(fault))
                }
            case .admit(let hits, let commit):
                keep(commit)
                for hit in hits { counts[hit.record?["id"]?.text ?? "", default: 0] += 1 }
                if dies() { return restart() }
                event = .admitted
            case .save(let commit):
                keep(commit)
                event = .saved
            case .close:
                cluster.losePoint()
                reads += 1
                return
            case .rest:
                rests += 1
                return
            case .backOff(_, let least):
                waits.append(least)
                now = now + .milliseconds(500)
                event = .retried
            }
        }
        preconditionFailure("a read ends")
    }

    /// In one transaction with the counts, as the store and the log metrics do it.
    private mutating func keep(_ commit: PullCommit) {
        var documents = stored?.counted ?? []
        let new = Set(commit.counted.map(\.key))
        documents.removeAll { new.contains($0.key) || $0.at < commit.position.knownFrom }
        stored = StoredPull(position: commit.position, counted: documents + commit.counted)
    }

    private mutating func note(_ more: PullCursor.Notes) {
        notes.repeated += more.repeated
        notes.late += more.late
        notes.lateness = max(notes.lateness, more.lateness)
        notes.forgotten += more.forgotten
        notes.unreadable += more.unreadable
        notes.vanished += more.vanished
        notes.pointsLost += more.pointsLost
    }

    static func problem(_ fault: Fault) -> PullProblem {
        switch fault {
        case .none, .permanent: PullProblem(.permanent, cause: "unauthorized", "401")
        case .lost: PullProblem(.pointLost, cause: "point_lost", "gone")
        case .busy: PullProblem(.busy(retryAfter: .seconds(7)), cause: "busy", "429")
        case .partial: PullProblem(.partial, cause: "shards_failed", "1 of 2")
        case .unreachable: PullProblem(.unreachable, cause: "timeout", "no answer")
        case .unusable: PullProblem(.unusable, cause: "malformed", "cut off")
        case .tooLarge: PullProblem(.unusable, cause: "too_large", "too long")
        }
    }
}
