package import Ingest
package import Timekeeping

/// Decides what to ask of a cluster next, so that every document is counted exactly once.
///
/// A read opens a point in time, then goes through two passes of it. The first looks again at the last `overlap`
/// before the position, asking for ids alone, and fetches the documents that it does not know: those became
/// searchable late. The second reads the documents from the position up to now. Every document that may be met again is
/// remembered by a hash of index and id, so a point in time that is lost, a page that breaks among equal
/// timestamps and a restart are all the same: a new point in time from the position on, without what is known.
///
/// The position moves with each page, and what is remembered with it; both go to disk in one transaction with
/// the counts of the page (`commit`).
package struct PullCursor: Sendable {
    /// What the owner is to do.
    package enum Action: Sendable {
        case open
        case search(SearchRequest)
        /// Take these documents in, with this commit; then tell `admitted`.
        case admit([SearchHit], PullCommit)
        /// Write the commit; then tell `saved`.
        case save(PullCommit)
        /// Give the point in time back; nothing is told.
        case close
        /// Do nothing until the next read is due, then tell `woke`.
        case rest
        /// Wait as long as after this many tries in vain, at least so long, then tell `retried`.
        case backOff(attempt: Int, least: Duration?)
    }

    /// What has happened.
    package enum Event: Sendable {
        case woke
        case opened
        case answered(SearchAnswer)
        case admitted
        case saved
        case failed(PullProblem)
        case retried
    }

    /// What is worth counting.
    package struct Notes: Sendable, Equatable {
        /// Documents that were counted before and met again.
        package var repeated = 0
        /// Documents that became searchable late, and by how much the latest of them.
        package var late = 0
        package var lateness = Duration.zero
        /// Documents that were forgotten for want of room.
        package var forgotten = 0
        /// Documents that could not be read, each by itself.
        package var unreadable = 0
        /// Ids that a point in time had and then had not.
        package var vanished = 0
        package var pointsLost = 0
        /// A read of everything that there was has ended.
        package var isComplete = false

        package init() {}
    }

    private enum Phase: Sendable {
        case resting
        case opening
        /// Looking for documents that became searchable late.
        case overlap(after: String?)
        /// Fetching them.
        case fetching(Fetch)
        case fresh(after: String?)
        case saving
        /// Waiting to go on with the phase it holds; nil: with a new point in time.
        indirect case waiting(Phase?)
    }

    private struct Fetch: Sendable {
        /// Those that are still to be fetched, by key.
        var wanted: [SearchHit]
        /// Where the pass goes on; nil: it has ended.
        var after: String?
        var isLast: Bool
    }

    /// Ids that are asked for at once.
    private static let idsMax = 1000
    /// Hits without documents on a page; the cluster's own limit for one.
    private static let hitsMax = 10_000
    /// Tries with the same point in time before a new one is opened.
    private static let triesWithPoint = 3
    /// Unreadable answers in a row before a page is made smaller.
    private static let unusableMax = 2

    private let source: String
    private let overlap: Duration
    private let delay: Duration
    private let pageMax: Int
    private let documentsMax: Int

    package private(set) var position: PullPosition
    /// Documents that were counted, at or after `position.knownFrom`, with their times in milliseconds.
    private var counted: [Int64: Int64] = [:]
    private var phase = Phase.resting
    /// Where the read ends.
    private var end: Timestamp
    /// Where its second pass began.
    private var freshFrom: Timestamp
    /// Where its first pass begins.
    private var overlapFrom: Timestamp
    /// What comes when the page that is on its way in is admitted.
    private var next: Phase?
    /// Up to where `counted` was tidied last.
    private var tidiedTo = Timestamp.distantPast
    private var page: Int
    private var attempt = 0
    private var unusable = 0
    /// What happened since it was asked last.
    package private(set) var notes = Notes()

    /// Goes on from what an earlier run left, or begins `lookback` ago.
    package init(_ settings: PullSettings, stored: StoredPull?, at now: Timestamp) {
        source = settings.source
        overlap = settings.overlap
        delay = settings.delay
        pageMax = settings.pageSize
        documentsMax = settings.documentsMax
        page = settings.pageSize
        let start = now - settings.lookback
        position = stored?.position ?? PullPosition(readTo: start, knownFrom: start)
        for one in stored?.counted ?? [] { counted[one.key] = one.at.milliseconds }
        end = position.readTo
        freshFrom = position.readTo
        overlapFrom = position.readTo
    }

    /// How many documents are remembered.
    package var documentCount: Int { counted.count }

    /// Takes what has happened since the last call.
    package mutating func takeNotes() -> Notes {
        defer { notes = Notes() }
        return notes
    }

    /// Takes an event and says what to do now.
    package mutating func advance(_ event: Event, at now: Timestamp) -> Action {
        switch event {
        case .woke:
            attempt = 0
            end = max(position.readTo, now - delay)
            return begin()
        case .opened:
            freshFrom = position.readTo
            overlapFrom = max(position.knownFrom, position.readTo - overlap)
            phase = overlapFrom < freshFrom ? .overlap(after: nil) : .fresh(after: nil)
            return ask()
        case .answered(let answer):
            attempt = 0
            unusable = 0
            return take(answer)
        case .admitted: return settled()
        case .saved:
            phase = .resting
            notes.isComplete = true
            return .close
        case .failed(let problem): return failed(problem)
        case .retried:
            guard case .waiting(let before?) = phase else { return begin() }
            phase = before
            return ask()
        }
    }

    private mutating func begin() -> Action {
        phase = .opening
        return .open
    }

    // MARK: Asking

    private func ask() -> Action {
        switch phase {
        case .overlap(let after):
            return .search(
                SearchRequest(
                    from: overlapFrom,
                    before: freshFrom,
                    after: after,
                    withDocuments: false,
                    size: PullCursor.hitsMax
                )
            )
        case .fetching(let fetch):
            let ids = fetch.wanted.prefix(min(max(1, page), PullCursor.idsMax)).map(\.id)
            return .search(
                SearchRequest(
                    from: overlapFrom,
                    before: freshFrom,
                    ids: ids,
                    // One that cannot be read even by itself is met without its document.
                    withDocuments: page > 0,
                    // The same id may be there in several indices.
                    size: min(PullCursor.hitsMax, max(10, ids.count * 3))
                )
            )
        case .fresh(let after):
            return .search(
                SearchRequest(
                    from: freshFrom,
                    before: end,
                    after: after,
                    withDocuments: page > 0,
                    size: max(1, page)
                )
            )
        case .opening: return .open
        case .resting, .saving, .waiting: return .rest
        }
    }

    // MARK: Taking

    private mutating func take(_ answer: SearchAnswer) -> Action {
        switch phase {
        case .overlap: return lookForLate(answer)
        case .fetching(let fetch): return takeLate(answer, fetch)
        case .fresh: return takeFresh(answer)
        case .resting, .opening, .saving, .waiting: return ask()
        }
    }

    private mutating func lookForLate(_ answer: SearchAnswer) -> Action {
        let isLast = answer.hits.count < PullCursor.hitsMax
        var unknown: [SearchHit] = []
        for hit in answer.hits where counted[hit.key] == nil { unknown.append(hit) }
        notes.repeated += answer.hits.count - unknown.count
        guard unknown.isEmpty else {
            phase = .fetching(Fetch(wanted: unknown, after: answer.hits.last?.sort, isLast: isLast))
            return ask()
        }
        phase = isLast ? .fresh(after: nil) : .overlap(after: answer.hits.last?.sort)
        return ask()
    }

    private mutating func takeLate(_ answer: SearchAnswer, _ fetch: Fetch) -> Action {
        let asked = fetch.wanted.prefix(min(max(1, page), PullCursor.idsMax))
        let keys = Set(asked.map(\.key))
        var seen: Set<Int64> = []
        let found = answer.hits.filter { keys.contains($0.key) && seen.insert($0.key).inserted }
        var rest = fetch
        rest.wanted.removeFirst(asked.count)
        // A point in time does not change, so what it had it has; ids that many indices share are asked for again.
        let missing = asked.filter { !seen.contains($0.key) }
        if found.isEmpty {
            notes.vanished += missing.count
        } else {
            rest.wanted += missing
        }
        let next: Phase
        if !rest.wanted.isEmpty {
            next = .fetching(rest)
        } else {
            next = rest.isLast ? .fresh(after: nil) : .overlap(after: rest.after)
        }
        for hit in found {
            notes.late += 1
            notes.lateness = max(notes.lateness, end - hit.at)
        }
        guard !found.isEmpty else {
            grow()
            phase = next
            return ask()
        }
        return admit(found, position, next)
    }

    private mutating func takeFresh(_ answer: SearchAnswer) -> Action {
        let isLast = answer.hits.count < max(1, page)
        var taken: Set<Int64> = []
        let new = answer.hits.filter { counted[$0.key] == nil && taken.insert($0.key).inserted }
        notes.repeated += answer.hits.count - new.count
        var reached = position
        // Behind the last page everything up to the end is read; before it, everything before its last document.
        reached.readTo = isLast ? end : max(position.readTo, answer.hits.last?.at ?? end)
        let next: Phase = isLast ? .saving : .fresh(after: answer.hits.last?.sort)
        guard !new.isEmpty else {
            if isLast { return save(reached) }
            position.readTo = reached.readTo
            grow()
            phase = next
            return ask()
        }
        return admit(new, reached, next)
    }

    private mutating func save(_ reached: PullPosition) -> Action {
        position.readTo = reached.readTo
        prune()
        phase = .saving
        return .save(PullCommit(source: source, position: position, counted: []))
    }

    private mutating func admit(
        _ hits: [SearchHit],
        _ reached: PullPosition,
        _ next: Phase
    ) -> Action {
        let documents = hits.map { PulledDocument(key: $0.key, at: $0.at) }
        notes.unreadable += hits.count { $0.record == nil }
        self.next = next
        // What is remembered behind the page must be right at once, should this process end here.
        for one in documents { counted[one.key] = one.at.milliseconds }
        position.readTo = reached.readTo
        prune()
        let commit = PullCommit(
            source: source,
            position: position,
            counted: documents.filter { $0.at >= position.knownFrom }
        )
        return .admit(hits.filter { $0.record != nil }, commit)
    }

    private mutating func settled() -> Action {
        guard let following = next else { return ask() }
        next = nil
        grow()
        phase = following
        guard case .saving = following else { return ask() }
        // The last page's commit said that everything is read.
        phase = .resting
        notes.isComplete = true
        return .close
    }

    /// A page went well: the next may be larger again.
    private mutating func grow() {
        page = min(pageMax, max(1, page * 2))
    }

    /// Forgets documents that no read looks at again; and the oldest of too many, at the price of the overlap.
    private mutating func prune() {
        let usual = position.readTo - overlap
        if usual > position.knownFrom {
            position.knownFrom = usual
            // Not for every page, since it goes through all of them.
            if usual - tidiedTo > overlap / 8 || counted.count > documentsMax {
                counted = counted.filter { $0.value >= usual.milliseconds }
                tidiedTo = usual
            }
        }
        guard counted.count > documentsMax else { return }
        let times = counted.values.sorted()
        // Down to nine tenths, so that this is not done for every page.
        let cut = times[counted.count - documentsMax * 9 / 10 - 1]
        // What bears the position's own time is needed to go on from there, as long as that is not all there is.
        let spared = min(cut, position.readTo.milliseconds - 1)
        forget(through: spared)
        if counted.count > documentsMax * 2 {
            forget(through: position.readTo.milliseconds)
            position.readTo = position.knownFrom
        }
    }

    private mutating func forget(through moment: Int64) {
        let before = counted.count
        counted = counted.filter { $0.value > moment }
        notes.forgotten += before - counted.count
        position.knownFrom = max(position.knownFrom, Timestamp(milliseconds: moment + 1))
    }

    // MARK: Failing

    private mutating func failed(_ problem: PullProblem) -> Action {
        attempt += 1
        switch problem.kind {
        case .pointLost:
            notes.pointsLost += 1
            // At once the first time; then there is something wrong with the cluster.
            guard attempt > 1 else { return begin() }
            phase = .waiting(nil)
            return .backOff(attempt: attempt, least: nil)
        case .busy(let retryAfter): return wait(least: retryAfter)
        case .partial: return wait(least: nil)
        case .unusable:
            unusable += 1
            if unusable >= PullCursor.unusableMax || problem.cause == "too_large" { shrink() }
            return wait(least: nil)
        case .unreachable:
            phase = .waiting(nil)
            return .backOff(attempt: attempt, least: nil)
        case .permanent:
            phase = .resting
            return .rest
        }
    }

    private mutating func wait(least: Duration?) -> Action {
        // A point in time that lost shards does not get them back.
        phase = .waiting(attempt >= PullCursor.triesWithPoint ? nil : phase)
        return .backOff(attempt: attempt, least: least)
    }

    /// Fewer documents a page; behind one, that one without its document.
    private mutating func shrink() {
        switch phase {
        case .fetching, .fresh: page = page / 2
        case .overlap, .resting, .opening, .saving, .waiting: break
        }
    }
}
