import Foundation
import Testing

@Suite struct ResponseSimulationTests {
    /// A few seeds each time; `TOCSIN_SEEDS=200` tries so many more.
    static var seeds: [UInt64] {
        let wanted = ProcessInfo.processInfo.environment["TOCSIN_SEEDS"].flatMap(UInt64.init)
        // 5 and 11 found that a closed incident took its alerts back from the one that had them since.
        return wanted.map { Array(1...max(1, $0)) } ?? [1, 2, 3, 5, 7, 11]
    }

    @Test(arguments: seeds)
    func everyPromiseIsKept(seed: UInt64) async throws {
        var simulation = try await ResponseSimulation(seed: seed)
        for step in 0..<150 {
            try await simulation.step()
            guard step % 5 == 0 else { continue }
            let forgotten = try await simulation.forgottenAlerts()
            #expect(forgotten.isEmpty, "seed \(seed): \(forgotten)")
            guard forgotten.isEmpty else { return }
        }
        try await simulation.finish()
        let broken = try await simulation.brokenPromises()
        #expect(broken.isEmpty, "seed \(seed): \(broken.joined(separator: "\n"))")
        #expect(simulation.crashes > 5)
        #expect(simulation.pagers.requests.count > 50)
        try simulation.cleanUp()
    }
}
