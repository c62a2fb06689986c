import Cryptography
import Telemetry

/// What a resource's attributes give to the labels of its series.
struct ResourceLabels: Sendable {
    private static let identifying = ["service.namespace", "service.name", "service.instance.id"]

    /// `job`, `instance` and what is promoted.
    private let own: [String: String]
    private let promoted: [String: String]
    /// Labels of `target_info`; nil when the resource has nothing to tell, or nothing to join by.
    let targetInfo: [String: String]?

    init(_ attributes: [OTLPAttribute], promoted names: [String]) {
        func value(_ key: String) -> String? {
            attributes.last { $0.key == key }.map { $0.value.text }
        }
        var own: [String: String] = [:]
        if let name = value("service.name") {
            own["job"] = value("service.namespace").map { "\($0)/\(name)" } ?? name
        }
        if let instance = value("service.instance.id") { own["instance"] = instance }
        var promoted: [String: String] = [:]
        for name in names {
            if let value = value(name) { promoted[OTLPNames.label(name)] = value }
        }
        self.own = own
        self.promoted = promoted
        let others = attributes.filter { !ResourceLabels.identifying.contains($0.key) }
        if others.isEmpty || own.isEmpty {
            targetInfo = nil
        } else {
            targetInfo = ResourceLabels.joined(others).merging(own) { $1 }
        }
    }

    /// The labels of a point: its attributes, then the resource's.
    func labels(_ point: OTLPMetrics.Point) -> [String: String] {
        ResourceLabels.joined(point.attributes)
            .merging(promoted) { attribute, _ in attribute }
            .merging(own) { $1 }
    }

    /// Attributes as labels; values of attributes that get one name are joined by `;`, in order of their keys.
    private static func joined(_ attributes: [OTLPAttribute]) -> [String: String] {
        var labels: [String: String] = [:]
        // Of attributes with one key the last counts.
        var values: [String: String] = [:]
        for attribute in attributes { values[attribute.key] = attribute.value.text }
        for (key, value) in values.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        ) {
            let name = OTLPNames.label(key)
            guard !name.isEmpty else { continue }
            labels[name] = labels[name].map { "\($0);\(value)" } ?? value
        }
        return labels
    }
}

extension OTLPValue {
    /// As a label's value: texts as they are, the rest as JSON would write it.
    var text: String {
        switch self {
        case .string(let text): text
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .double(let value): OTLPTranslation.bound(value)
        case .bytes, .array, .map: json
        case .none: ""
        }
    }

    private var json: String {
        switch self {
        case .string(let text): JSONText.quoted(text)
        case .bool, .integer, .double: text
        case .bytes(let bytes): JSONText.quoted(Base64.encode(bytes))
        case .array(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        case .map(let members):
            "{"
                + members.map { "\(JSONText.quoted($0.key)):\($0.value.json)" }
                .joined(separator: ",") + "}"
        case .none: "null"
        }
    }
}
