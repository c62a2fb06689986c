import ArgumentParsing

extension OptionSpec {
    /// `-o table` or `-o json`, where a command prints both.
    static let output = OptionSpec(
        "output",
        short: "o",
        value: "FORMAT",
        choices: ["table", "json"],
        "How to print"
    )
}
