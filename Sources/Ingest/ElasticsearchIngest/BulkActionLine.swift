import WireFormats

/// The line before a document: what is to be done, where and under which id.
struct BulkActionLine {
    /// The line is no action; says what was found, as Elasticsearch does.
    struct Malformed: Error {
        var reason: String
    }

    /// An `_id` as it stands in the body.
    enum Identifier {
        case none
        /// Between quotes, or the digits of a number.
        case text(Range<Int>)
        /// It can be none: of another type, empty, or not UTF-8; says why.
        case invalid(String)
    }

    var action: BulkAction
    /// Between its quotes; nil when the path gives it.
    var index: JSONString?
    var id = Identifier.none

    /// Reads a line such as `{"index":{"_index":"logs","_id":"1"}}`; parameters it does not know are passed.
    init(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        idBytesMax: Int
    ) throws(Malformed) {
        do throws(WireFormatError) {
            var reader = JSONReader(bytes, in: range, depthMax: 16)
            guard try reader.next() == .objectStart else {
                throw WireFormatError(.expected("START_OBJECT"), at: range.lowerBound)
            }
            guard case .name(let name) = try reader.next() else {
                throw WireFormatError(.expected("FIELD_NAME"), at: reader.offset)
            }
            let text = try reader.text(name, repairing: true)
            guard let known = BulkAction(rawValue: text) else {
                throw WireFormatError(
                    .expected("one of index, create, update, delete"),
                    at: name.range.lowerBound
                )
            }
            action = known
            guard try reader.next() == .objectStart else {
                throw WireFormatError(.expected("START_OBJECT"), at: reader.offset)
            }
            while case .name(let name) = try reader.next() {
                if reader.equals(name, "_index") {
                    index = try BulkActionLine.index(&reader)
                } else if reader.equals(name, "_id") {
                    id = try BulkActionLine.identifier(&reader, bytes, max: idBytesMax)
                } else {
                    try reader.skip()
                }
            }
            guard try reader.next() == .objectEnd else {
                throw WireFormatError(.expected("END_OBJECT"), at: reader.offset)
            }
            _ = try reader.next()
        } catch {
            throw Malformed(
                reason: "\(error.reason) at character \(error.offset - range.lowerBound + 1)"
            )
        }
    }

    private static func index(
        _ reader: inout JSONReader
    ) throws(WireFormatError) -> JSONString? {
        switch try reader.next() {
        case .string(let text): return text
        case .null: return nil
        default: throw WireFormatError(.expected("an index name"), at: reader.offset)
        }
    }

    private static func identifier(
        _ reader: inout JSONReader,
        _ bytes: Span<UInt8>,
        max: Int
    ) throws(WireFormatError) -> Identifier {
        let start = reader.offset
        switch try reader.next() {
        case .null: return .none
        case .string(let text):
            guard !text.range.isEmpty else {
                return .invalid("if _id is specified it must not be empty")
            }
            guard text.range.count <= max else {
                return .invalid(
                    "id is too long, must be no longer than \(max) bytes but was: "
                        + "\(text.range.count)"
                )
            }
            // It goes into the reply as it came, so it must be what JSON may hold.
            guard (try? reader.text(text)) != nil else { return .invalid("_id is not UTF-8") }
            return .text(text.range)
        case .integer, .number:
            var first = start
            while first < reader.offset, bytes[first] <= 0x20 { first += 1 }
            return .text(first..<reader.offset)
        case .bool, .objectStart, .objectEnd, .arrayStart, .arrayEnd, .name, .end:
            throw WireFormatError(.expected("an id"), at: start)
        }
    }
}
