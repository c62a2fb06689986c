package import Timekeeping

/// A field's value in a log record.
package enum LogValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([LogValue])
    case object([(name: String, value: LogValue)])

    package static func == (left: LogValue, right: LogValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)):
            a.elementsEqual(b) { $0.name == $1.name && $0.value == $1.value }
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(text)
    }

    /// The value as text: strings as they are, numbers in shortest form, containers empty.
    package var text: String {
        switch self {
        case .null, .array, .object: ""
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value):
            value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        case .string(let value): value
        }
    }

    /// The value as a number: numbers as they are, numeric strings parsed; nil otherwise.
    package var numeric: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .string(let value): Double(value)
        case .null, .bool, .array, .object: nil
        }
    }
}

/// One log record as it arrived.
package struct LogRecord: Sendable {
    /// Where it came from: the forward protocol's tag, an index name.
    package var tag: String
    /// When the event happened, as the sender says.
    package var eventTime: Timestamp
    /// When Tocsin took it.
    package var arrivalTime: Timestamp
    package var fields: [(name: String, value: LogValue)]

    package init(
        tag: String,
        eventTime: Timestamp,
        arrivalTime: Timestamp,
        fields: [(name: String, value: LogValue)]
    ) {
        self.tag = tag
        self.eventTime = eventTime
        self.arrivalTime = arrivalTime
        self.fields = fields
    }

    /// The value at a dotted path: `kubernetes.namespace_name` finds a field of that name, or walks objects.
    package subscript(path: String) -> LogValue? {
        LogRecord.find(path[...], in: fields)
    }

    /// The value at a dotted path in a list of fields, found in whichever shape Kubernetes' metadata came.
    package static func value(
        at path: String,
        in fields: [(name: String, value: LogValue)]
    ) -> LogValue? {
        let paths = KubernetesField.paths(of: path)
        for place in paths {
            guard let value = find(place[...], in: fields) else { continue }
            if paths.count > 1, case .object = value { continue }
            return value
        }
        return nil
    }

    private static func find(
        _ path: Substring,
        in fields: [(name: String, value: LogValue)]
    )
        -> LogValue?
    {
        if let direct = fields.first(where: { $0.name == path }) { return direct.value }
        var cut = path.startIndex
        while let dot = path[cut...].firstIndex(of: ".") {
            if case .object(let inner)? = fields.first(where: { $0.name == path[..<dot] })?.value,
                let found = find(path[path.index(after: dot)...], in: inner)
            {
                return found
            }
            cut = path.index(after: dot)
        }
        return nil
    }
}
