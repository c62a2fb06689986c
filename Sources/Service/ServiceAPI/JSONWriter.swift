import Telemetry

/// Builds JSON text by hand where the numbers' exact form matters (Prometheus's values) or speed does.
struct JSONWriter {
    /// UTF-8.
    private(set) var bytes: [UInt8] = []
    /// True when the next element in the open container needs a comma before it.
    private var needsComma = false

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// A key; its value is written next.
    mutating func key(_ name: String) {
        separate()
        JSONText.append(quoted: name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func string(_ value: String) {
        separate()
        JSONText.append(quoted: value, to: &bytes)
    }

    /// A number, literal or ready piece of JSON.
    mutating func raw(_ value: String) {
        separate()
        bytes.append(contentsOf: value.utf8)
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
