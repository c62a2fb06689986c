import CloudWatchIngest
import Foundation
import StateStore
import Testing

@Suite struct SpendStoreTests {
    @Test func sumsComeBackAndOldMonthsGo() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-spend-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("state.db").path
        let rows = [
            MonthSpend.Row(
                subject: .operation,
                name: "GetMetricData",
                requests: 2,
                units: 700,
                dollars: 0.007
            ),
            MonthSpend.Row(subject: .rule, name: "db/DBCPU", dollars: 0.0035),
        ]
        let store = try StateStore(path: path)
        func add(_ account: String, _ month: String, oldest: String = "2025-11") throws {
            try store.addSpend(rows, account: account, month: month, forgettingBefore: oldest)
        }
        try add("own", "2026-11")
        try add("own", "2026-11")
        try add("111122223333", "2026-11")
        try add("own", "2025-10")
        try add("own", "2026-12", oldest: "2025-12")
        try store.close()

        let again = try StateStore(path: path)
        let spend = MonthSpend(try again.loadSpend(account: "own", month: "2026-11"))
        #expect(spend[.getMetricData].requests == 4)
        #expect(spend[.getMetricData].units == 1400)
        #expect(spend[.rule, "db/DBCPU"].dollars == 0.007)
        #expect(
            MonthSpend(try again.loadSpend(account: "111122223333", month: "2026-11")).rows == rows
        )
        #expect(try again.loadSpend(account: "own", month: "2025-10").isEmpty)
        #expect(try again.loadSpend(account: "own", month: "2026-10").isEmpty)
    }
}
