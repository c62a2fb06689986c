/// An element of a small XML document: what STS and the other query-protocol services answer.
package struct XMLElement: Hashable, Sendable {
    /// Without its prefix.
    package var name: String
    /// The element's own text, entities resolved, white space at both ends cut.
    package var text: String
    package var children: [XMLElement]

    package init(name: String, text: String = "", children: [XMLElement] = []) {
        self.name = name
        self.text = text
        self.children = children
    }

    /// The first child of this name.
    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The text of the element at the end of a path of child names.
    package func text(at path: String...) -> String? {
        path.reduce(self as XMLElement?) { $0?[$1] }?.text
    }
}

/// Why a document was refused.
package struct XMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the document.
    package var byteOffset: Int
    package var reason: String

    package var description: String { "invalid XML at byte \(byteOffset): \(reason)" }
}

/// A strict reader of small documents.
///
/// It knows elements, attributes (checked, then dropped), text, the five named
/// entities and character references. Document types, CDATA, comments and processing instructions are refused,
/// so that nothing can be expanded or hidden.
package struct XMLReader {
    /// Longest document.
    package static let documentBytesMax = 1 << 20
    /// Deepest nesting of elements.
    package static let depthMax = 32

    private let bytes: [UInt8]
    private var position = 0

    /// Reads one whole document.
    package static func read(_ bytes: [UInt8]) throws(XMLError) -> XMLElement {
        guard bytes.count <= documentBytesMax else {
            throw XMLError(
                byteOffset: documentBytesMax,
                reason: "longer than \(documentBytesMax) bytes"
            )
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw XMLError(byteOffset: 0, reason: "not UTF-8")
        }
        var reader = XMLReader(bytes: bytes)
        reader.skipSpace()
        if reader.take("<?xml") {
            while !reader.take("?>") {
                guard reader.peek != nil else {
                    throw reader.error("the declaration is not closed")
                }
                reader.position += 1
            }
            reader.skipSpace()
        }
        let root = try reader.element(depth: 1)
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.error("text after the root element") }
        return root
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
        guard depth <= Self.depthMax else {
            throw error("more than \(Self.depthMax) elements inside each other")
        }
        guard take("<") else { throw error("expected an element") }
        let name = try self.name()
        try attributes()
        if take("/>") { return XMLElement(name: local(name)) }
        guard take(">") else { throw error("the tag <\(name)> is not closed") }
        var text: [UInt8] = []
        var children: [XMLElement] = []
        while true {
            guard let byte = peek else { throw error("<\(name)> is not closed") }
            if take("</") {
                let closing = try self.name()
                skipSpace()
                guard closing == name, take(">") else {
                    throw error("</\(closing)> closes <\(name)>")
                }
                let whole = String(decoding: text, as: UTF8.self)
                return XMLElement(name: local(name), text: trimmed(whole), children: children)
            } else if byte == UInt8(ascii: "<") {
                children.append(try element(depth: depth + 1))
            } else if byte == UInt8(ascii: "&") {
                text.append(contentsOf: String(try entity()).utf8)
            } else {
                text.append(byte)
                position += 1
            }
        }
    }

    private mutating func attributes() throws(XMLError) {
        while true {
            let before = position
            skipSpace()
            guard let byte = peek, byte != UInt8(ascii: ">"), byte != UInt8(ascii: "/") else {
                return
            }
            guard position > before else { throw error("expected white space or >") }
            _ = try name()
            guard take("="), let quote = peek,
                quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
            else { throw error("expected a quoted attribute value") }
            position += 1
            while let byte = peek, byte != quote {
                guard byte != UInt8(ascii: "<") else { throw error("< inside an attribute") }
                position += 1
            }
            guard peek == quote else { throw error("an attribute value is not closed") }
            position += 1
        }
    }

    private mutating func name() throws(XMLError) -> String {
        let start = position
        while let byte = peek, Self.isNameByte(byte, first: position == start) { position += 1 }
        guard position > start else { throw error("expected a name") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func entity() throws(XMLError) -> Unicode.Scalar {
        let start = position
        position += 1
        while let byte = peek, byte != UInt8(ascii: ";"), position - start < 12 { position += 1 }
        guard peek == UInt8(ascii: ";") else { throw error("an entity is not closed") }
        let body = String(decoding: bytes[(start + 1)..<position], as: UTF8.self)
        position += 1
        switch body {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        let number =
            if body.hasPrefix("#x") {
                UInt32(body.dropFirst(2), radix: 16)
            } else if body.hasPrefix("#") { UInt32(body.dropFirst()) } else { UInt32?.none }
        guard let number, number > 0, let scalar = Unicode.Scalar(number) else {
            throw error("unknown entity &\(body);")
        }
        return scalar
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ text: StaticString) -> Bool {
        let wanted = text.description.utf8
        guard bytes[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, Self.isSpace(byte) { position += 1 }
    }

    private func error(_ reason: String) -> XMLError {
        XMLError(byteOffset: position, reason: reason)
    }

    private func local(_ name: String) -> String {
        name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    private func trimmed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { !Self.isSpace($0) }),
            let last = bytes.lastIndex(where: { !Self.isSpace($0) })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    private static func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "_"), UInt8(ascii: ":"), 0x80...:
            true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): !first
        default: false
        }
    }
}
