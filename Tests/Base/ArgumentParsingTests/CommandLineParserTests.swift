import ArgumentParsing
import Testing

@Suite struct CommandLineParserTests {
    private static let spec = CommandSpec(
        "tool",
        "A tool.",
        subcommands: [
            CommandSpec(
                "serve",
                "Serve.",
                options: [
                    OptionSpec("config", short: "c", value: "FILE", "The file"),
                    OptionSpec("log-format", value: "F", choices: ["text", "json"], "Format"),
                    OptionSpec("watch", value: "EVERY", isValueOptional: true, "Again and again"),
                    OptionSpec("check", "Exit by status"),
                ]
            ),
            CommandSpec(
                "budget",
                "Budget.",
                operands: [OperandSpec("NAME", .any, "names of SLOs")]
            ),
            CommandSpec("get", "Get.", operands: [OperandSpec("ID", .one, "an incident's id")]),
        ]
    )

    struct Good: CustomTestStringConvertible {
        let words: [String]
        let path: [String]
        let operands: [String]
        let config: String?
        var testDescription: String { words.joined(separator: " ") }
    }

    @Test(arguments: [
        Good(words: ["serve"], path: ["serve"], operands: [], config: nil),
        Good(words: ["serve", "--config", "a"], path: ["serve"], operands: [], config: "a"),
        Good(words: ["serve", "--config=a=b"], path: ["serve"], operands: [], config: "a=b"),
        Good(words: ["serve", "-c", "a"], path: ["serve"], operands: [], config: "a"),
        Good(words: ["serve", "-ca"], path: ["serve"], operands: [], config: "a"),
        Good(words: ["serve", "-c", "a", "-c", "b"], path: ["serve"], operands: [], config: "b"),
        Good(words: ["budget", "x", "y"], path: ["budget"], operands: ["x", "y"], config: nil),
        Good(words: ["budget", "--", "-x"], path: ["budget"], operands: ["-x"], config: nil),
    ])
    func understands(_ good: Good) throws {
        guard case .run(let found) = try CommandLineParser(Self.spec).parse(good.words) else {
            Issue.record("help instead of a run")
            return
        }
        #expect(found.path == good.path)
        #expect(found.operands == good.operands)
        #expect(found.value("config") == good.config)
    }

    struct Bad: CustomTestStringConvertible {
        let words: [String]
        let message: String
        var testDescription: String { words.joined(separator: " ") }
    }

    @Test(arguments: [
        Bad(
            words: ["sreve"],
            message: "unknown command \"sreve\"; did you mean \"serve\"? See \"tool --help\"."
        ),
        Bad(
            words: ["serve", "--confg", "x"],
            message: "unknown option \"--confg\"; did you mean \"--config\"? "
                + "See \"tool serve --help\"."
        ),
        Bad(
            words: ["serve", "--config"],
            message: "--config needs a value: --config FILE. See \"tool serve --help\"."
        ),
        Bad(
            words: ["serve", "--check=1"],
            message: "--check takes no value. See \"tool serve --help\"."
        ),
        Bad(
            words: ["serve", "--log-format", "xml"],
            message: "--log-format does not know \"xml\"; use one of text, json"
        ),
        Bad(
            words: ["get"],
            message: "ID is missing: an incident's id. See \"tool get --help\"."
        ),
        Bad(
            words: ["get", "1", "2"],
            message: "unexpected argument \"2\". See \"tool get --help\"."
        ),
    ])
    func refuses(_ bad: Bad) {
        let error = #expect(throws: UsageError.self) {
            _ = try CommandLineParser(Self.spec).parse(bad.words)
        }
        #expect(error?.description == bad.message)
    }

    @Test func anOptionalValueNeedsAnEqualsSign() throws {
        guard case .run(let bare) = try CommandLineParser(Self.spec).parse(["serve", "--watch"]),
            case .run(let given) = try CommandLineParser(Self.spec).parse(["serve", "--watch=5s"])
        else {
            Issue.record("help instead of a run")
            return
        }
        #expect(bare.value("watch") == "")
        #expect(given.value("watch") == "5s")
    }

    @Test(arguments: [[], ["--help"], ["serve", "-h"]])
    func showsHelp(_ words: [String]) throws {
        guard case .help(let text) = try CommandLineParser(Self.spec).parse(words) else {
            Issue.record("a run instead of help")
            return
        }
        #expect(text.contains("Usage: tool"))
        #expect(text.contains(words.contains("serve") ? "--log-format F" : "budget"))
    }
}
