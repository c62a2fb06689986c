import Configuration
import Foundation
import HTTPServer
import Synchronization
import Telemetry
import Testing

@testable import Daemon

@Suite struct TocsinProgramTests {
    /// What a command line did.
    private struct Outcome {
        var code: Int32
        var output: String
        var errors: String
    }

    private static func run(
        _ arguments: [String],
        environment: [String: String] = [:]
    ) -> Outcome {
        let output = Mutex("")
        let errors = Mutex("")
        let code = TocsinProgram.run(
            arguments,
            environment: environment,
            output: { text in output.withLock { $0 += text } },
            errors: { text in errors.withLock { $0 += text } }
        )
        return Outcome(
            code: code,
            output: output.withLock { $0 },
            errors: errors.withLock { $0 }
        )
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var line: String
        var code: Int32
        /// Parts of what is written to standard output; nothing is when there are none.
        var output: [String] = []
        /// Parts of what is written to standard error; nothing is when there are none.
        var errors: [String] = []

        var testDescription: String { "tocsin \(line)" }
    }

    static let cases: [Case] = [
        Case(line: "version", code: 0, output: ["Tocsin tocsin 0.1.0\n"]),
        Case(
            line: "--help",
            code: 0,
            output: [
                "Watch metrics and logs", "serve", "check", "demo", "config", "version",
                "tocsin check --config FILE",
            ]
        ),
        Case(
            line: "serve --help",
            code: 0,
            output: ["--config", "--listen", "--data", "--log-level", "--log-format", "SIGHUP"]
        ),
        Case(line: "demo --help", code: 0, output: ["--secret-file", "127.0.0.1:9468"]),
        Case(line: "config --help", code: 0, output: ["schema"]),
        Case(line: "", code: 0, output: ["Watch metrics and logs"]),
        Case(line: "srve", code: 64, errors: ["srve", "serve"]),
        Case(
            line: "serve",
            code: 64,
            errors: ["--config FILE is missing", "deploy/local/tocsin.yaml"]
        ),
        Case(line: "check", code: 64, errors: ["--config FILE is missing"]),
        Case(line: "check --confg x", code: 64, errors: ["--confg", "--config"]),
        Case(line: "check --config", code: 64, errors: ["--config"]),
        Case(line: "serve --config x --log-level loud", code: 64, errors: ["loud", "warn"]),
        Case(line: "version extra", code: 64, errors: ["extra"]),
        Case(
            line: "check --config /nowhere/tocsin.yaml",
            code: 1,
            errors: ["/nowhere/tocsin.yaml:1:1: cannot read the settings file"]
        ),
        Case(
            line: "serve --config /nowhere/tocsin.yaml",
            code: 78,
            errors: ["/nowhere/tocsin.yaml:1:1: cannot read the settings file"]
        ),
    ]

    @Test(arguments: cases) func answersACommandLine(_ one: Case) {
        let arguments = one.line.split(separator: " ").map(String.init)
        let outcome = Self.run(arguments)
        #expect(outcome.code == one.code)
        #expect(outcome.output.isEmpty == one.output.isEmpty, "\(outcome.output)")
        #expect(outcome.errors.isEmpty == one.errors.isEmpty, "\(outcome.errors)")
        for part in one.output { #expect(outcome.output.contains(part), "\(outcome.output)") }
        for part in one.errors { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
    }

    @Test func theSchemaIsJSON() throws {
        let outcome = Self.run(["config", "schema"])
        #expect(outcome.code == 0)
        let schema = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        let properties = (schema as? [String: Any])?["properties"] as? [String: Any]
        #expect(properties?["sources"] != nil)
    }

    @Test func goodFilesAreCounted() throws {
        let house = try House()
        let outcome = Self.run(
            ["check", "--config", house.settingsPath],
            environment: house.environment
        )
        #expect(outcome.errors == "")
        #expect(outcome.code == 0)
        #expect(
            outcome.output == "OK: 1 groups, 1 rules, 0 thresholds, 0 objectives, 1 receivers\n"
        )
        #expect(
            !FileManager.default.fileExists(atPath: house.folder + "/data"),
            "a check leaves no trace"
        )
    }

    @Test func everyProblemOfEveryFileIsToldAtOnce() throws {
        let house = try House(
            rules: """
                groups:
                  - name: app
                    rules:
                      - {alert: A, expr: "up ==", labels: {severity: critical}}
                      - {alrt: B, expr: up}
                """
        )
        try house.write(
            "oncall.yaml",
            house.onCall().replacing("schedule/primary", with: "schedule/primry")
        )
        for command in ["check", "serve"] {
            let outcome = Self.run(
                [command, "--config", house.settingsPath],
                environment: house.environment
            )
            #expect(outcome.code == (command == "check" ? 1 : 78))
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.contains { $0.contains("rules.yaml:4:") }, "\(outcome.errors)")
            #expect(lines.contains { $0.contains("rules.yaml:5:") && $0.contains("alrt") })
            #expect(lines.contains { $0.contains("oncall.yaml:") && $0.contains("primry") })
        }
    }

    @Test func whatOnlyLoadingFindsIsFoundToo() throws {
        let house = try House(
            rules: """
                groups:
                  - name: app
                    rules:
                      - {alert: A, expr: up, annotations: {summary: "{{ $labels.job"}}
                """
        )
        let outcome = Self.run(
            ["check", "--config", house.settingsPath],
            environment: house.environment
        )
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("rules.yaml:4:"), "\(outcome.errors)")
        #expect(outcome.errors.contains("template of \"summary\""), "\(outcome.errors)")
    }

    @Test func aMissingVariableIsNamed() throws {
        let house = try House()
        let outcome = Self.run(["check", "--config", house.settingsPath])
        #expect(outcome.code == 1)
        #expect(
            outcome.errors.contains("tocsin.yaml:3:")
                && outcome.errors.contains("environment variable DATA is not set"),
            "\(outcome.errors)"
        )
    }

    @Test func aPortThatIsTakenIsSaid() throws {
        let house = try House()
        let outcome = Self.run(
            ["serve", "--config", house.settingsPath, "--listen", house.pager.address],
            environment: house.environment
        )
        #expect(outcome.code == 1)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains(house.pager.address), "\(outcome.errors)")
        #expect(outcome.errors.contains("server.listen"), "\(outcome.errors)")
    }
}
