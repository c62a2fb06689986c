import Model
import PromQLSyntax

/// Reads the vector selectors that objectives count.
enum SelectorText {
    /// The matchers of a plain vector selector; the rule loader has checked that it is one.
    static func matchers(_ text: String) throws -> [LabelMatcher] {
        try PromQLParser.parse(text).selectorNeeds.first?.matchers ?? []
    }
}
