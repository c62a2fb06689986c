/// Label names in addresses: Prometheus 3 writes those that are no identifiers as `U__` and escapes.
enum EscapedLabelName {
    /// The name that an escaped one stands for; a text that is not escaped, or wrongly, stands for itself.
    ///
    /// `__` is an underscore, `_XXXX_` the character of that hexadecimal number.
    static func plain(_ text: String) -> String {
        guard text.hasPrefix("U__") else { return text }
        var rest = text.dropFirst(3)
        var name = ""
        while let character = rest.popFirst() {
            guard character == "_" else {
                name.append(character)
                continue
            }
            guard let end = rest.firstIndex(of: "_") else { return text }
            let digits = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if digits.isEmpty {
                name.append("_")
            } else if let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number) {
                name.unicodeScalars.append(scalar)
            } else {
                return text
            }
        }
        return name
    }
}
