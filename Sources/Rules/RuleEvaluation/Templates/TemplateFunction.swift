import Model
import Spelling

/// A function that templates can call.
struct TemplateFunction: Sendable {
    let arity: ClosedRange<Int>
    let call: @Sendable ([TemplateValue], TemplateContext) throws(TemplateError) -> TemplateValue

    /// The arity in words.
    var wanted: String {
        arity.upperBound == .max
            ? "at least \(arity.lowerBound)"
            : arity.lowerBound == arity.upperBound ? "\(arity.lowerBound)" : "\(arity)"
    }

    init(
        _ arity: ClosedRange<Int>,
        _ call:
            @escaping @Sendable ([TemplateValue], TemplateContext) throws(TemplateError)
            -> TemplateValue
    ) {
        self.arity = arity
        self.call = call
    }

    /// A function of `count` arguments that looks at nothing else.
    init(
        _ count: Int,
        _ call: @escaping @Sendable ([TemplateValue]) throws(TemplateError) -> TemplateValue
    ) {
        self.init(count...count) { arguments, _ throws(TemplateError) in try call(arguments) }
    }

    /// Every function by name: Go's own and Prometheus's.
    static let named: [String: TemplateFunction] = builtins.merging(prometheus) { first, _ in first
    }

    /// The message for a name that is no function.
    static func unknown(_ name: String) -> String {
        let near = NearMiss.nearest(to: name, in: named.keys.sorted())
        return "function \"\(name)\" not defined" + (near.map { "; did you mean \($0)?" } ?? "")
    }

    static func string(_ value: TemplateValue) throws(TemplateError) -> String {
        guard case .string(let text) = value else {
            throw TemplateError("wrong type for value; expected string; got \(value.kind)")
        }
        return text
    }

    static func number(_ value: TemplateValue) throws(TemplateError) -> Double {
        guard let number = value.number else {
            throw TemplateError("can't convert \(value.kind) to float")
        }
        return number
    }

    static func samples(_ value: TemplateValue) throws(TemplateError) -> [TemplateSample] {
        guard case .list(let values) = value else {
            throw TemplateError("wrong type for value; expected a query result; got \(value.kind)")
        }
        var samples: [TemplateSample] = []
        for one in values { samples.append(try sample(one)) }
        return samples
    }

    static func sample(_ value: TemplateValue) throws(TemplateError) -> TemplateSample {
        guard case .sample(let sample) = value else {
            throw TemplateError("wrong type for value; expected a sample; got \(value.kind)")
        }
        return sample
    }
}
