import Telemetry

/// Builds JSON text by hand where the numbers' exact form matters (Prometheus's values) or speed does.
struct JSONWriter {
    private(set) var text = ""
    /// True when the next element in the open container needs a comma before it.
    private var needsComma = false

    private mutating func separate() {
        if needsComma { text += "," }
        needsComma = true
    }

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        text += "{"
        needsComma = false
        body(&self)
        text += "}"
        needsComma = true
    }

    mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        text += "["
        needsComma = false
        body(&self)
        text += "]"
        needsComma = true
    }

    /// A key; its value is written next.
    mutating func key(_ name: String) {
        separate()
        text += JSONText.quoted(name) + ":"
        needsComma = false
    }

    mutating func string(_ value: String) {
        separate()
        text += JSONText.quoted(value)
    }

    /// A number, literal or ready piece of JSON.
    mutating func raw(_ value: String) {
        separate()
        text += value
    }

    mutating func strings(_ values: some Sequence<String>) {
        array { writer in
            for value in values { writer.string(value) }
        }
    }

    mutating func map(_ pairs: some Sequence<(key: String, value: String)>) {
        object { writer in
            for (name, value) in pairs {
                writer.key(name)
                writer.string(value)
            }
        }
    }

    mutating func field(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    mutating func field(_ name: String, raw value: String) {
        key(name)
        raw(value)
    }
}
