package import Model
package import Timekeeping

/// `name{label="value"}` with its modifiers: the newest sample of each series that matches.
package struct VectorSelector: Sendable {
    /// The metric name when it is written before the braces.
    package var name: String?
    /// All conditions in the order written; that on the name before the braces comes last.
    package var matchers: [LabelMatcher]
    package var modifiers: SelectorModifiers
    package var window: WindowMode
    package var span: SourceSpan

    package init(
        name: String?,
        matchers: [LabelMatcher],
        modifiers: SelectorModifiers = .init(),
        window: WindowMode = .plain,
        span: SourceSpan
    ) {
        self.name = name
        self.matchers = matchers
        self.modifiers = modifiers
        self.window = window
        self.span = span
    }
}

extension VectorSelector: Hashable {
    /// The order of the matchers says nothing.
    package static func == (left: VectorSelector, right: VectorSelector) -> Bool {
        left.modifiers == right.modifiers && left.window == right.window
            && (left.name ?? "").hasSameBytes(as: right.name ?? "")
            && (left.name == nil) == (right.name == nil)
            && (left.matchers == right.matchers || left.sortedMatchers == right.sortedMatchers)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(sortedMatchers)
        hasher.combine(modifiers)
        hasher.combine(window)
    }

    /// The matchers in one order whatever order they were written in.
    package var sortedMatchers: [LabelMatcher] {
        matchers.sorted {
            ($0.name, $0.operation.rawValue, $0.value)
                < ($1.name, $1.operation.rawValue, $1.value)
        }
    }
}

/// `offset` and `@`, which move the time a selector or a subquery is read at.
package struct SelectorModifiers: Hashable, Sendable {
    /// Nil when there is none, or it is zero.
    package var offset: DurationExpression?
    package var at: AtModifier?

    package init(offset: DurationExpression? = nil, at: AtModifier? = nil) {
        self.offset = offset
        self.at = at
    }
}

/// The moment after `@`.
package enum AtModifier: Hashable, Sendable {
    case timestamp(Timestamp)
    /// `start()`: the first step of the query.
    case start
    /// `end()`: the last step of the query.
    case end
}

/// What a range function sees at the edges of its window.
package enum WindowMode: String, Hashable, Sendable {
    /// The samples within.
    case plain
    /// The last sample at or before each edge stands for it.
    case anchored
    /// Values at the edges are interpolated from the samples on both sides.
    case smoothed
}

/// `selector[range]`: the samples of each series in a window.
package struct MatrixSelector: Hashable, Sendable {
    package var selector: VectorSelector
    package var range: DurationExpression
    package var span: SourceSpan

    package init(selector: VectorSelector, range: DurationExpression, span: SourceSpan) {
        self.selector = selector
        self.range = range
        self.span = span
    }
}

/// `expression[range:step]`: an expression evaluated at each step of a window.
package struct Subquery: Hashable, Sendable {
    package var inner: Expression
    package var range: DurationExpression
    /// Nil: the engine's default.
    package var step: DurationExpression?
    package var modifiers: SelectorModifiers
    package var span: SourceSpan

    package init(
        inner: Expression,
        range: DurationExpression,
        step: DurationExpression?,
        modifiers: SelectorModifiers = .init(),
        span: SourceSpan
    ) {
        self.inner = inner
        self.range = range
        self.step = step
        self.modifiers = modifiers
        self.span = span
    }
}
