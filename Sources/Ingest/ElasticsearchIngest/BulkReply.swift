import Buffers
import Telemetry

/// Writes the answer to a bulk request.
///
/// Compact and in Elasticsearch 7's order of members: Fluent Bit looks for the very text `"errors":false,"items":[`
/// when the answer is longer than its buffer.
struct BulkReply {
    /// What one kind of item says, with room for its id and number.
    private struct Form {
        /// Up to the id; all there is when `hasID` and `hasNumber` are false.
        var head: [UInt8] = []
        var hasID = false
        var middle: [UInt8] = []
        var hasNumber = false
        var tail: [UInt8] = []
        /// The filter leaves nothing of such items.
        var isEmpty = false
    }

    private enum Kind: Hashable {
        case taken, repeated, acknowledged
    }

    private struct Key: Hashable {
        var action: BulkAction
        var index: Int
        var kind: Kind
    }

    private let filter: ReplyFilter
    private let batch: BulkBatch
    private var forms: [Form] = []
    private var numbers: [Key: Int] = [:]
    private var last: (key: Key, number: Int)?
    private var bytes: [UInt8] = []

    private init(_ batch: BulkBatch, _ filter: ReplyFilter) {
        self.batch = batch
        self.filter = filter
    }

    /// The answer as JSON.
    ///
    /// - Parameters:
    ///   - batch: Whose records are in.
    ///   - body: What its items' ids stand in.
    ///   - took: Milliseconds.
    ///   - filter: What of it is wanted.
    ///   - numbers: Where the documents get their numbers and missing ids from.
    /// - Returns: UTF-8.
    static func json(
        _ batch: BulkBatch,
        _ body: Span<UInt8>,
        took: Int,
        filter: ReplyFilter,
        numbers: DocumentNumbers
    ) -> [UInt8] {
        var reply = BulkReply(batch, filter)
        reply.write(body, took: took, numbers)
        return reply.bytes
    }

    private mutating func write(_ body: Span<UInt8>, took: Int, _ numbers: DocumentNumbers) {
        bytes.reserveCapacity(64 + batch.items.count * (filter.isEverything ? 200 : 40))
        bytes.append(UInt8(ascii: "{"))
        if filter.contains(["took"]) { append("\"took\":\(took)") }
        if filter.contains(["errors"]) {
            if bytes.count > 1 { append(",") }
            append("\"errors\":\(batch.refusals.isEmpty ? "false" : "true")")
        }
        let beforeItems = bytes.count
        if bytes.count > 1 { append(",") }
        append("\"items\":[")
        let first = bytes.count
        var number = numbers.take(batch.items.count)
        for item in batch.items {
            if bytes.count > first { bytes.append(UInt8(ascii: ",")) }
            let start = bytes.count
            switch item.outcome {
            case .document: write(item, .taken, body, number, numbers)
            case .repeated: write(item, .repeated, body, number, numbers)
            case .acknowledged: write(item, .acknowledged, body, number, numbers)
            case .refused(let place): write(item, batch.refusals[place], body, number, numbers)
            }
            if bytes.count == start, bytes.count > first { bytes.removeLast() }
            number += 1
        }
        if bytes.count == first, !filter.isEverything {
            // As Elasticsearch: a filter leaves no empty list behind.
            bytes.removeLast(bytes.count - beforeItems)
        } else {
            bytes.append(UInt8(ascii: "]"))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(
        _ item: BulkItem,
        _ kind: Kind,
        _ body: Span<UInt8>,
        _ number: Int,
        _ numbers: DocumentNumbers
    ) {
        let form = forms[place(of: Key(action: item.action, index: item.index, kind: kind))]
        guard !form.isEmpty else { return }
        bytes += form.head
        if form.hasID {
            append(item.id, body, number, numbers)
            bytes += form.middle
        }
        if form.hasNumber {
            append(digitsOf: number)
            bytes += form.tail
        }
    }

    private mutating func append(digitsOf number: Int) {
        var power = 1
        while power <= number / 10 { power *= 10 }
        while power > 0 {
            bytes.append(0x30 + UInt8(number / power % 10))
            power /= 10
        }
    }

    private mutating func append(
        _ id: Range<Int>?,
        _ body: Span<UInt8>,
        _ number: Int,
        _ numbers: DocumentNumbers
    ) {
        if let id {
            bytes.append(copying: body.extracting(id))
        } else {
            numbers.append(idOf: number, to: &bytes)
        }
    }

    private mutating func place(of key: Key) -> Int {
        if let last, last.key == key { return last.number }
        let place = numbers[key] ?? forms.count
        if place == forms.count {
            numbers[key] = place
            forms.append(form(key))
        }
        last = (key, place)
        return place
    }

    private func form(_ key: Key) -> Form {
        let (result, status, version) = BulkReply.words(key.action, key.kind)
        var text: [UInt8] = []
        var form = Form()
        var isFirst = true
        func name(_ name: String, in text: inout [UInt8]) {
            if !isFirst { text += ",".utf8 }
            isFirst = false
            text += "\"\(name)\":".utf8
        }
        func isWanted(_ names: String...) -> Bool {
            filter.contains(["items", key.action.rawValue] + names)
        }
        text += "{\"\(key.action.rawValue)\":{".utf8
        if isWanted("_index") {
            name("_index", in: &text)
            JSONText.append(quoted: batch.indexes[key.index].text, to: &text)
        }
        if isWanted("_id") {
            name("_id", in: &text)
            form.head = text + "\"".utf8
            form.hasID = true
            text = Array("\"".utf8)
        }
        if isWanted("_version") {
            name("_version", in: &text)
            text += "\(version)".utf8
        }
        if isWanted("result") {
            name("result", in: &text)
            text += "\"\(result)\"".utf8
        }
        let shards = ["total", "successful", "failed"].filter { isWanted("_shards", $0) }
        if !shards.isEmpty {
            name("_shards", in: &text)
            text += "{".utf8
            text += shards.map { "\"\($0)\":\($0 == "failed" ? 0 : 1)" }.joined(separator: ",").utf8
            text += "}".utf8
        }
        if isWanted("_seq_no") {
            name("_seq_no", in: &text)
            if form.hasID { form.middle = text } else { form.head = text }
            form.hasNumber = true
            text = []
        }
        if isWanted("_primary_term") {
            name("_primary_term", in: &text)
            text += "1".utf8
        }
        if isWanted("status") {
            name("status", in: &text)
            text += "\(status)".utf8
        }
        text += "}}".utf8
        form.isEmpty = isFirst
        if form.hasNumber {
            form.tail = text
        } else if form.hasID {
            form.middle = text
        } else {
            form.head = text
        }
        return form
    }

    private static func words(
        _ action: BulkAction,
        _ kind: Kind
    ) -> (result: String, status: Int, version: Int) {
        switch (action, kind) {
        case (.delete, _): ("deleted", 200, 2)
        case (.index, .taken), (.create, .taken), (.update, .taken): ("created", 201, 1)
        // Nothing is done a second time; a conflict (409) would be an error to some clients.
        case (.create, .repeated), (.create, .acknowledged): ("noop", 200, 1)
        case (.index, .repeated), (.update, .repeated), (.index, .acknowledged),
            (.update, .acknowledged):
            ("updated", 200, 2)
        }
    }

    /// An item that can never be taken.
    private mutating func write(
        _ item: BulkItem,
        _ refusal: BulkBatch.Refusal,
        _ body: Span<UInt8>,
        _ number: Int,
        _ numbers: DocumentNumbers
    ) {
        func isWanted(_ names: String...) -> Bool {
            filter.contains(["items", item.action.rawValue] + names)
        }
        var parts: [[UInt8]] = []
        func part(_ name: String, _ value: [UInt8]) {
            parts.append(Array("\"\(name)\":".utf8) + value)
        }
        func quoted(_ text: String) -> [UInt8] {
            var bytes: [UInt8] = []
            JSONText.append(quoted: text, to: &bytes)
            return bytes
        }
        if isWanted("_index") { part("_index", quoted(batch.indexes[item.index].text)) }
        if isWanted("_id"), let id = item.id {
            var text: [UInt8] = [0x22]
            text.append(copying: body.extracting(id))
            part("_id", text + [0x22])
        }
        if isWanted("status") { part("status", Array("400".utf8)) }
        var error: [[UInt8]] = []
        if isWanted("error", "type") {
            error.append(Array("\"type\":".utf8) + quoted(refusal.type))
        }
        if isWanted("error", "reason") {
            error.append(Array("\"reason\":".utf8) + quoted(refusal.reason))
        }
        if !error.isEmpty {
            part("error", Array("{".utf8) + error.joined(separator: ",".utf8) + "}".utf8)
        }
        guard !parts.isEmpty else { return }
        append("{\"\(item.action.rawValue)\":{")
        bytes += parts.joined(separator: ",".utf8)
        append("}}")
    }

    private mutating func append(_ text: String) { bytes += text.utf8 }
}
