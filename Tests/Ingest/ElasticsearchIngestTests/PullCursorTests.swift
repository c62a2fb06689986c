import ElasticsearchIngest
import Ingest
import Model
import TestSupport
import Testing
import Timekeeping

@Suite struct PullCursorTests {
    static let start = Timestamp(milliseconds: 1_700_000_000_000)

    static func settings(
        page: Int = 4,
        overlap: Duration = .seconds(60),
        documentsMax: Int = 10_000
    ) -> PullSettings {
        PullSettings(
            name: "t",
            urls: ["http://h:9200"],
            index: "logs-*",
            overlap: overlap,
            lookback: .seconds(300),
            pageSize: page,
            documentsMax: documentsMax
        )
    }

    static func reader(
        page: Int = 4,
        overlap: Duration = .seconds(60),
        documentsMax: Int = 10_000
    ) -> SimulatedReader {
        SimulatedReader(
            settings(page: page, overlap: overlap, documentsMax: documentsMax),
            at: start
        )
    }

    /// Documents counted otherwise than once.
    static func wrong(_ reader: SimulatedReader) -> [String] {
        let all = reader.cluster.documents.map { "\($0.index)/\($0.id)" }
        return all.filter { reader.counts[$0] != 1 }
    }

    @Test func theFirstReadBeginsLookbackAgo() {
        var reader = Self.reader()
        reader.cluster.add("old", at: Self.start - .seconds(301), searchable: .distantPast)
        reader.cluster.add("edge", at: Self.start - .seconds(300), searchable: .distantPast)
        reader.cluster.add("new", at: Self.start - .seconds(1), searchable: .distantPast)
        reader.cluster.add("now", at: Self.start, searchable: .distantPast)
        reader.read()
        #expect(reader.counts == ["logs/edge": 1, "logs/new": 1])
        #expect(reader.stored?.position.readTo == Self.start)
        // The one that bears the moment of the read comes with the next.
        reader.now = Self.start + .seconds(10)
        reader.read()
        #expect(reader.counts["logs/now"] == 1)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 50])
    func documentsOfOneTimeAreCountedOnceWhereverAPageBreaks(_ page: Int) {
        var reader = Self.reader(page: page)
        for number in 0..<20 {
            let time = Self.start - .seconds(number < 13 ? 30 : 20)
            reader.cluster.add("\(number)", at: time, searchable: .distantPast)
        }
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
        reader.now = Self.start + .seconds(10)
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
    }

    @Test func documentsThatBecomeSearchableLateAreCountedWithinTheOverlap() {
        var reader = Self.reader()
        reader.cluster.add("in time", at: Self.start - .seconds(5), searchable: .distantPast)
        reader.cluster.add(
            "late",
            at: Self.start - .seconds(5),
            searchable: Self.start + .seconds(30)
        )
        reader.cluster.add(
            "too late",
            at: Self.start - .seconds(5),
            searchable: Self.start + .seconds(70)
        )
        for step in 0..<10 {
            reader.now = Self.start + .seconds(10 * Int64(step))
            reader.read()
        }
        #expect(reader.counts == ["logs/in time": 1, "logs/late": 1])
        #expect(reader.notes.late == 1)
        #expect(reader.notes.lateness == .seconds(35))
    }

    @Test func theSameIdInTwoIndicesIsTwoDocuments() {
        var reader = Self.reader()
        reader.read()
        for index in ["a", "b", "c"] {
            reader.cluster.add(
                "1",
                at: Self.start - .seconds(3),
                searchable: Self.start + .seconds(1),
                index: index
            )
        }
        reader.now = Self.start + .seconds(10)
        reader.read()
        #expect(reader.counts == ["a/1": 1, "b/1": 1, "c/1": 1])
    }

    @Test func aPointInTimeThatIsLostIsOpenedAgainWhereThePagesEnded() {
        var reader = Self.reader()
        for number in 0..<40 {
            reader.cluster.add(
                "\(number)",
                at: Self.start - .milliseconds(Int64(number / 3)),
                searchable: .distantPast
            )
        }
        reader.now = Self.start + .seconds(1)
        var searches = 0
        reader.read(fault: { request in
            guard request != nil else { return .none }
            searches += 1
            return searches % 4 == 0 ? .lost : .none
        })
        #expect(Self.wrong(reader).isEmpty)
        #expect(reader.notes.pointsLost > 1)
        #expect(reader.cluster.pointsOpened == reader.notes.pointsLost + 1)
        #expect(reader.reads == 1)
    }

    @Test func aPartialAnswerIsNeverTakenAndABusyClusterIsGivenItsTime() {
        var reader = Self.reader()
        for number in 0..<10 {
            reader.cluster.add(
                "\(number)",
                at: Self.start - .seconds(Int64(number) + 1),
                searchable: .distantPast
            )
        }
        var faults: [SimulatedReader.Fault] = [
            .none, .busy, .partial, .partial, .partial, .partial, .busy,
        ]
        reader.read(fault: { _ in faults.isEmpty ? .none : faults.removeFirst() })
        #expect(Self.wrong(reader).isEmpty)
        #expect(reader.waits.first == .some(.seconds(7)))
        // A point in time whose shards fail is given up for a new one.
        #expect(reader.cluster.pointsOpened > 1)
    }

    @Test func whatAPersonMustMendEndsTheReadAndTheNextGoesOn() {
        var reader = Self.reader()
        reader.cluster.add("a", at: Self.start - .seconds(1), searchable: .distantPast)
        reader.read(fault: { _ in .permanent })
        #expect(reader.rests == 1)
        #expect(reader.counts.isEmpty)
        #expect(reader.stored == nil)
        reader.now = Self.start + .seconds(10)
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
    }

    @Test func aDocumentThatCannotBeReadIsIsolatedAndPassed() {
        var reader = Self.reader(page: 64)
        for number in 0..<100 {
            reader.cluster.add(
                "\(number)",
                at: Self.start - .milliseconds(1000 - Int64(number)),
                searchable: .distantPast
            )
        }
        let bad = Self.start - .milliseconds(1000 - 37)
        let cluster = reader.cluster
        var probe = cluster
        probe.open(at: Self.start)
        reader.read(fault: { request in
            guard let request, request.withDocuments,
                let hits = probe.answer(request, arrival: Self.start)?.hits
            else { return .none }
            return hits.contains { $0.at == bad } ? .tooLarge : .none
        })
        #expect(Self.wrong(reader) == ["logs/37"])
        #expect(reader.notes.unreadable == 1)
        // Pages grow again behind it.
        #expect(reader.requests.last.map { $0.size >= 32 } ?? false)
        // And it is not met again as new.
        reader.now = Self.start + .seconds(10)
        reader.read(fault: { $0?.withDocuments == true ? .tooLarge : .none })
        #expect(reader.notes.unreadable == 1)
    }

    @Test func moreDocumentsThanAreRememberedShortenTheOverlapAndDoubleNothing() {
        var reader = Self.reader(page: 100, documentsMax: 1000)
        for number in 0..<3000 {
            reader.cluster.add(
                "\(number)",
                at: Self.start - .milliseconds(3000 - Int64(number)),
                searchable: .distantPast
            )
        }
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
        #expect(reader.notes.forgotten > 0)
        #expect(reader.cursor.map { $0.documentCount <= 1100 } ?? false)
        reader.restart()
        reader.now = Self.start + .seconds(10)
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
        #expect((reader.stored?.counted.count ?? 0) <= 1100)
    }

    @Test func memoryIsBoundedWhenAllDocumentsBearOneTime() {
        var reader = Self.reader(page: 100, documentsMax: 1000)
        for number in 0..<5000 {
            reader.cluster.add("\(number)", at: Self.start - .seconds(1), searchable: .distantPast)
        }
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
        #expect(reader.cursor.map { $0.documentCount <= 2100 } ?? false)
    }

    @Test func aWiderOverlapCountsNothingAgainThatIsNoLongerRemembered() {
        var reader = Self.reader(overlap: .seconds(10))
        for number in 0..<60 {
            reader.cluster.add(
                "\(number)",
                at: Self.start - .seconds(60 - Int64(number)),
                searchable: .distantPast
            )
        }
        reader.read()
        var wider = SimulatedReader(
            Self.settings(overlap: .seconds(3600)),
            at: Self.start + .seconds(5)
        )
        wider.cluster = reader.cluster
        wider.cursor = PullCursor(wider.settings, stored: reader.stored, at: wider.now)
        wider.read()
        #expect(wider.counts.isEmpty)
    }

    @Test func aClockThatStepsBackReadsNothingTwice() {
        var reader = Self.reader()
        reader.cluster.add("a", at: Self.start - .seconds(1), searchable: .distantPast)
        reader.read()
        reader.now = Self.start - .seconds(120)
        reader.cluster.add("b", at: Self.start - .seconds(2), searchable: .distantPast)
        reader.read()
        #expect(Self.wrong(reader).isEmpty)
        #expect(reader.stored?.position.readTo == Self.start)
    }

    /// Whatever happens, each document is counted once when it is searchable within the overlap.
    @Test(arguments: 0..<60)
    func everythingIsCountedExactlyOnceWhateverHappens(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let page = Int.random(in: 1...9, using: &random)
        var reader = Self.reader(page: page, overlap: .seconds(40))
        let hasFaults = seed % 3 != 0
        let dies = seed % 2 == 0
        var number = 0
        for step in 0..<40 {
            reader.now = max(reader.now, Self.start + .seconds(5 * Int64(step)))
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                // A few milliseconds, so that many share one; searchable up to 20 s later.
                let at = reader.now - .milliseconds(Int64.random(in: 0...20, using: &random) * 50)
                let late = Int64.random(in: 0...3, using: &random) == 0
                let delay = late ? Int64.random(in: 0...10_000, using: &random) : 0
                reader.cluster.add(
                    "\(number)",
                    at: at,
                    searchable: reader.now + .milliseconds(delay),
                    index: number % 7 == 0 ? "other" : "logs"
                )
                number += 1
            }
            if step % 9 == 8 { continue }
            reader.read(
                fault: { _ in
                    guard hasFaults, Int.random(in: 0..<6, using: &random) == 0 else {
                        return .none
                    }
                    return SimulatedReader.Fault.allCases.filter { $0 != .tooLarge }
                        .randomElement(using: &random) ?? .none
                },
                dies: { dies && Int.random(in: 0..<25, using: &random) == 0 }
            )
        }
        // At last undisturbed.
        for _ in 0..<4 {
            reader.now = reader.now + .seconds(10)
            reader.read()
        }
        // What was unreadable to the last is passed with a count, which `unusable` may bring about here.
        let doubled = reader.counts.filter { $0.value > 1 }
        #expect(doubled.isEmpty)
        #expect(Self.wrong(reader).count <= reader.notes.unreadable)
    }
}
