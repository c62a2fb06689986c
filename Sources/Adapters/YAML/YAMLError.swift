package import Model

/// Why a document was refused; syntax errors come alone, duplicate keys all at once.
package struct YAMLError: Error, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        case syntax, encoding, tooLarge, tooDeep, tooManyNodes, duplicateKey, unknownAlias, badMerge
        case severalDocuments
    }

    /// The first problem's reason.
    package var reason: Reason
    /// At least one, in file order.
    package var diagnostics: [Diagnostic]

    init(_ reason: Reason, _ location: SourceLocation, _ message: String) {
        self.reason = reason
        diagnostics = [Diagnostic(location, message)]
    }

    package var description: String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}
