/// A label's or annotation's template: Go's text/template as Prometheus sets it up for alerts.
///
/// There are `.Labels`, `.Value`, `.ExternalLabels`, `.ExternalURL`, the same as `$labels`, `$value`, `$externalLabels`,
/// `$externalURL`, and all of Prometheus's functions.
package struct Template: Sendable {
    /// As written.
    package let text: String
    private let parsed: ParsedTemplate
    private let limits: TemplateLimits

    private static let variables = ["labels", "value", "externalLabels", "externalURL"]

    /// Parses `text`.
    ///
    /// - Throws: `TemplateError` for wrong syntax, unknown functions and unknown variables.
    package init(_ text: String, limits: TemplateLimits = TemplateLimits()) throws(TemplateError) {
        self.text = text
        self.limits = limits
        parsed =
            text.contains("{{")
            ? try TemplateParser.parse(
                text,
                variables: Template.variables,
                nestingMax: limits.nestingMax
            )
            : ParsedTemplate(nodes: [.text(text)])
    }

    /// Text that is taken as it is.
    package init(constant text: String) {
        self.text = text
        limits = TemplateLimits()
        parsed = ParsedTemplate(nodes: [.text(text)])
    }

    /// The text when nothing in it depends on the alert; nil otherwise.
    package var constant: String? {
        if parsed.nodes.isEmpty { return "" }
        guard parsed.nodes.count == 1, case .text(let text) = parsed.nodes[0] else { return nil }
        return text
    }

    /// The template filled in.
    ///
    /// - Throws: `TemplateError` when a function fails or a limit is passed.
    package func expand(_ context: TemplateContext) throws(TemplateError) -> String {
        if let constant { return constant }
        var interpreter = TemplateInterpreter(context, limits)
        return try interpreter.run(parsed)
    }

    /// The template filled in, or what Prometheus shows when that fails.
    ///
    /// - Parameters:
    ///   - context: What the template may look at.
    ///   - alert: The alert's name, for the message.
    /// - Returns: The text, and whether it is an error's.
    package func expanded(
        _ context: TemplateContext,
        alert: String
    ) -> (text: String, failed: Bool) {
        do {
            return (try expand(context), false)
        } catch {
            let name = "__alert_\(alert)"
            return (
                "<error expanding template: error executing template \(name): template: \(name): "
                    + "\(error.reason)>", true
            )
        }
    }
}
