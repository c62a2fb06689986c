import Foundation
import Ingest
import StateStore
import Testing
import Timekeeping

@Suite struct PullStoreTests {
    static func moment(_ seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: 1_700_000_000_000 + seconds * 1000)
    }

    static func commit(
        _ source: String,
        readTo: Int64,
        knownFrom: Int64,
        _ documents: [(Int64, Int64)],
        totals: [LogTotal] = []
    ) -> PullCommit {
        var made = PullCommit(
            source: source,
            position: PullPosition(readTo: moment(readTo), knownFrom: moment(knownFrom)),
            counted: documents.map { PulledDocument(key: $0.0, at: moment($0.1)) }
        )
        made.totals = totals
        return made
    }

    static func total(_ value: Double, _ labels: [String], stamp: Int64) -> LogTotal {
        LogTotal(
            shape: "m{a,b} counter",
            labels: labels,
            totals: [value, 0.1],
            stamp: moment(stamp).milliseconds,
            source: "s"
        )
    }

    @Test func positionsDocumentsAndTotalsComeBack() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-pulls-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("state.db").path
        let store = try StateStore(path: path)
        #expect(try store.loadPull("a") == nil)
        try store.commitPull(
            Self.commit(
                "a",
                readTo: 100,
                knownFrom: 50,
                [(1, 60), (.min, 99), (.max, 100)],
                totals: [
                    Self.total(3, ["x", "y, \"z\""], stamp: 99),
                    Self.total(1, ["", "ä"], stamp: 99),
                ]
            )
        )
        try store.commitPull(Self.commit("b", readTo: 7, knownFrom: 7, [(1, 7)]))
        // The same document again, later ones, and the floor moves on.
        try store.commitPull(
            Self.commit(
                "a",
                readTo: 130,
                knownFrom: 80,
                [(.max, 100), (9, 130)],
                totals: [Self.total(5, ["x", "y, \"z\""], stamp: 130)]
            )
        )
        try store.close()

        let again = try StateStore(path: path)
        let a = try #require(try again.loadPull("a"))
        #expect(
            a.position == PullPosition(readTo: Self.moment(130), knownFrom: Self.moment(80))
        )
        #expect(Set(a.counted.map(\.key)) == [.min, .max, 9])
        #expect(try again.loadPull("b")?.counted.count == 1)
        let totals = try again.loadLogTotals()
        #expect(totals.count == 2)
        #expect(totals.contains(Self.total(5, ["x", "y, \"z\""], stamp: 130)))
        // Totals that nobody goes on with are dropped after a week.
        let week: Int64 = 8 * 86400
        try again.commitPull(Self.commit("a", readTo: 130 + week, knownFrom: 130 + week, []))
        #expect(try again.loadLogTotals().isEmpty)
        #expect(try again.loadPull("a")?.counted.isEmpty == true)
    }
}
