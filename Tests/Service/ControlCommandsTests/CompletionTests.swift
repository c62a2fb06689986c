import ControlCommands
import Foundation
import Testing

@Suite struct CompletionTests {
    /// What bash offers for the last of the words.
    private static func offered(_ words: [String]) async throws -> [String] {
        let script = await CommandRun(["completion", "bash"]).output
        let list = words.map { "'\($0)'" }.joined(separator: " ")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [
            "-c",
            script + "COMP_WORDS=(\(list)); COMP_CWORD=\(words.count - 1); _sloctl; "
                + "printf '%s\\n' \"${COMPREPLY[@]}\"",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func bashOffersWhatFits() async throws {
        #expect(try await Self.offered(["sloctl", "ru"]) == ["rules"])
        #expect(
            try await Self.offered(["sloctl", "rules", ""]).prefix(5) == [
                "check", "test", "try", "export", "import",
            ]
        )
        #expect(try await Self.offered(["sloctl", "rules", "test", "--di"]) == ["--diff"])
        #expect(try await Self.offered(["sloctl", "query", "-o", ""]) == ["table", "json", "csv"])
        #expect(
            try await Self.offered(["sloctl", "--server", "x", "rules", "check", "--format", "j"])
                == ["json"]
        )
    }

    @Test func everyShellHasItsScript() async {
        let fish = await CommandRun(["completion", "fish"])
        #expect(
            fish.output.contains("-f -a rules -d 'Check, test, try, import and export rule files'")
        )
        #expect(await CommandRun(["completion", "zsh"]).output.contains("bashcompinit"))
        let other = await CommandRun(["completion", "tcsh"])
        #expect(other.code == .usage)
        #expect(other.messages.contains("use one of bash, zsh, fish"))
    }
}
