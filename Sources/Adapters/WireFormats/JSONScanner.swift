/// Finds where one JSON object or array ends in bytes that arrive piece by piece.
///
/// It looks at brackets and quotes only; `JSONReader` then judges what lies between.
package struct JSONScanner: Sendable {
    private var position = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var forgotten = false

    package init() {}

    /// Bytes of the value that were already passed.
    package var scanned: Int { position }

    /// The caller has thrown away that many bytes from the front of the value, all of them scanned.
    package mutating func forget(_ count: Int) {
        precondition(0...position ~= count, "only scanned bytes are forgotten")
        position -= count
        forgotten = true
    }

    /// Goes on through `bytes`, which begin where the value begins (not with white space) and hold all that has
    /// arrived of it.
    ///
    /// - Returns: The length of the value when it is whole, after which the scanner starts afresh; nil when more
    ///   bytes are needed.
    /// - Throws: `expected` when the first byte opens neither an object nor an array.
    package mutating func advance(over bytes: Span<UInt8>) throws(WireFormatError) -> Int? {
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if isEscaped {
                isEscaped = false
            } else if isInString {
                if byte == 0x5c { isEscaped = true }
                if byte == 0x22 { isInString = false }
            } else {
                switch byte {
                case 0x22: isInString = true
                case 0x7b, 0x5b: depth += 1
                case 0x7d, 0x5d: depth -= 1
                default: break
                }
                guard depth > 0 else {
                    let length = position
                    let hasBegun = length > 1 || forgotten
                    self = JSONScanner()
                    guard byte == 0x7d || byte == 0x5d, hasBegun else {
                        throw WireFormatError(.expected("an object or an array"), at: 0)
                    }
                    return length
                }
            }
        }
        return nil
    }
}
