import CloudWatchIngest
import TestSupport
import Testing

/// Parameter values as RDS works them out.
@Suite struct ParameterFormulaTests {
    private static let memory = ["DBInstanceClassMemory": 16.0 * 1_073_741_824]

    @Test(arguments: [
        ("5000", 5000.0), (" 250 ", 250), ("LEAST({DBInstanceClassMemory/9531392},5000)", 1802),
        ("LEAST({DBInstanceClassMemory/9531392}, 1000)", 1000),
        ("{DBInstanceClassMemory/12582880}", 1365),
        ("GREATEST({DBInstanceClassMemory/9531392},5000)", 5000),
        ("SUM(100,{DBInstanceClassMemory/9531392},-2)", 1900),
        ("{DBInstanceClassMemory*3/4}", 12_884_901_888), ("IF(1,20,30)", 20), ("IF(0,20,30)", 30),
        ("{log(DBInstanceClassMemory)}", 34), ("least((2*3),7)", 6),
    ])
    func formulasAreWorkedOut(_ text: String, _ value: Double) {
        #expect(ParameterFormula.value(of: text, Self.memory) == value)
    }

    @Test func auroraMySQLsDefaultNeedsLogarithms() throws {
        let formula = try #require(DatabaseClass.defaultFormula(engine: "aurora-mysql"))
        // db.r6g.large: 1000 by AWS's own table.
        #expect(ParameterFormula.value(of: formula, Self.memory) == 1000)
    }

    @Test(arguments: [
        "", "{", "{DBInstanceClassMemory/0}", "{Unknown/2}", "LEAST()", "LEAST(1,", "system()",
        "1 2",
        "{1/2", "IF(1,2)", "log(0)", "1.2.3", "--", "{DBInstanceClassMemory/9531392}x",
        String(repeating: "(", count: 100) + "1" + String(repeating: ")", count: 100),
        String(repeating: "1", count: 2000),
    ])
    func whatIsNoFormulaIsNothing(_ text: String) {
        #expect(ParameterFormula.value(of: text, Self.memory) == nil)
    }

    @Test func noBytesCrashIt() {
        var random = SeededGenerator(seed: 5)
        let letters = Array("{}()*/,0123456789.-LEASTGRlog DBInstanceClassMemory\u{e9}")
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...24, using: &random)
            let text = String(
                (0..<length).map { _ in letters.randomElement(using: &random) ?? "0" }
            )
            _ = ParameterFormula.value(of: text, Self.memory)
        }
    }

    @Test(arguments: [
        ("db.t4g.medium", 4.0), ("db.r6g.large", 16), ("db.r5.4xlarge", 128),
        ("db.r4.large", 15.25),
        ("db.t3.micro", 1), ("db.r7g.16xlarge", 512),
    ])
    func memoryOfClasses(_ name: String, _ gibibytes: Double) {
        #expect(DatabaseClass.memoryBytes(of: name) == gibibytes * 1_073_741_824)
    }

    @Test(arguments: ["db.serverless", "r6g.large", "db.z9.large", "db.r6g.nonsense", "db.r6g", ""])
    func unknownClassesAreNotGuessed(_ name: String) {
        #expect(DatabaseClass.memoryBytes(of: name) == nil)
    }

    /// What AWS documents for Serverless v2: 189 connections with one unit at most, 3360 with 16, 5000 from 32.
    @Test(arguments: [(1.0, 189.0), (16, 3360), (32, 5000)])
    func serverlessConnections(_ units: Double, _ documented: Double) throws {
        let formula = try #require(DatabaseClass.defaultFormula(engine: "aurora-postgresql"))
        let bytes = DatabaseClass.availableMemory(
            ofBytes: units * DatabaseClass.bytesPerCapacityUnit
        )
        let value = try #require(
            ParameterFormula.value(of: formula, ["DBInstanceClassMemory": bytes])
        )
        #expect(abs(value - documented) <= documented * 0.01 + 1)
    }
}
