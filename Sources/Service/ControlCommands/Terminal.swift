/// Where a command writes and what that place can show.
package struct Terminal: Sendable {
    /// Data; a pipe or a file must get nothing else.
    package var output: @Sendable (String) -> Void
    /// Messages.
    package var messages: @Sendable (String) -> Void
    /// True when data goes to a person's screen.
    package var isInteractive: Bool
    package var hasColor: Bool
    /// The next line of what is piped in, without its end; nil at the end.
    package var input: @Sendable () -> String?

    package init(
        output: @escaping @Sendable (String) -> Void,
        messages: @escaping @Sendable (String) -> Void,
        isInteractive: Bool,
        hasColor: Bool,
        input: @escaping @Sendable () -> String? = { nil }
    ) {
        self.output = output
        self.messages = messages
        self.isInteractive = isInteractive
        self.hasColor = hasColor
        self.input = input
    }

    enum Color: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case dim = "2"
        case bold = "1"
    }

    /// `text` in a colour, on a terminal that has colours.
    func colored(_ text: String, _ color: Color) -> String {
        hasColor ? "\u{1b}[\(color.rawValue)m\(text)\u{1b}[0m" : text
    }
}

/// The exit codes of `sloctl`: sysexits for failures, Nagios's order for `--check`.
package enum ExitCode: Int32, Sendable {
    case ok = 0
    /// `--check`: warning.
    case warning = 1
    /// `--check`: breached.
    case breached = 2
    /// `--check`: unknown.
    case unknown = 3
    case usage = 64
    case unreachable = 69
    /// The server failed or answered nonsense.
    case failed = 70
    case notAllowed = 77
    case badConfiguration = 78

    /// `rules test`: a case failed.
    package static let testsFailed = ExitCode.warning
    /// `rules check --lint-fatal`: there is a warning.
    package static let lintFailed = ExitCode.unknown
}

/// Why a command has no answer.
struct CommandFailure: Error {
    var code: ExitCode
    var message: String
}
