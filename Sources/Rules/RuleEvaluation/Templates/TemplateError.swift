/// Why a template does not parse or cannot be expanded.
package struct TemplateError: Error, Hashable, CustomStringConvertible {
    /// In words; for a syntax error with the line inside the template.
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}
