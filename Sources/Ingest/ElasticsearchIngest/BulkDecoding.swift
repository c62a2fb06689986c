import Buffers
import Model
import Timekeeping
import WireFormats

/// One bulk request while it is taken apart.
struct BulkDecoding {
    /// An action line with its index found.
    struct Action {
        var line: BulkActionLine
        /// Its place among the batch's indexes; -1 when neither line nor path names one.
        var index: Int
    }

    /// Memory of an item and of what is answered for it, by estimate.
    private static let itemBytes = 320
    private static let recordBytes = 96

    private let settings: BulkSettings
    private let arrival: Timestamp
    private(set) var batch = BulkBatch()
    private var documents: DocumentReader
    private var places: [String: Int] = [:]
    private let defaultPlace: Int
    /// The action line before this one, when it may stand for others that read the same.
    private var last: (range: Range<Int>, action: Action)?
    /// Where the last index name stood.
    private var lastIndex: (range: Range<Int>, place: Int)?

    init(settings: BulkSettings, defaultIndex: String?, arrival: Timestamp) {
        self.settings = settings
        self.arrival = arrival
        documents = DocumentReader(depthMax: settings.depthMax, budget: settings.decodedMax)
        defaultPlace = defaultIndex == nil ? -1 : 0
        if let defaultIndex {
            batch.indexes.append(IndexName(defaultIndex))
            places[defaultIndex] = 0
        }
    }

    /// Reads an action line; one without an id that reads as the one before is not read again.
    mutating func action(
        _ body: Span<UInt8>,
        _ range: Range<Int>
    ) throws(BulkActionLine.Malformed) -> Action {
        if let last, body.equals(range, body.extracting(last.range)) { return last.action }
        let line = try BulkActionLine(body, range, idBytesMax: settings.idBytesMax)
        let action = Action(line: line, index: place(of: line.index, body))
        if case .none = line.id { last = (range, action) } else { last = nil }
        return action
    }

    private mutating func place(of name: JSONString?, _ body: Span<UInt8>) -> Int {
        guard let name else { return defaultPlace }
        if let lastIndex, body.equals(name.range, body.extracting(lastIndex.range)) {
            return lastIndex.place
        }
        let text =
            name.hasEscapes
            ? BulkDecoding.unescaped(body, name) : WireText.repaired(body, name.range)
        let place = places[text] ?? batch.indexes.count
        if place == batch.indexes.count {
            batch.indexes.append(IndexName(text))
            places[text] = place
        }
        lastIndex = (name.range, place)
        return place
    }

    private static func unescaped(_ body: Span<UInt8>, _ name: JSONString) -> String {
        let quoted = name.range.lowerBound - 1..<name.range.upperBound + 1
        guard
            case .string(let text)? = try? JSONValue(body.extracting(quoted), repairing: true)
        else { return WireText.repaired(body, name.range) }
        return text
    }

    /// Adds an action; `source` is its document's line, nil for a deletion.
    mutating func add(
        _ action: Action,
        _ body: Span<UInt8>,
        _ source: Range<Int>?,
        line: Int
    ) throws(DocumentReader.Failure) {
        try documents.charge(Self.itemBytes)
        var item = BulkItem(
            action: action.line.action,
            index: action.index,
            id: nil,
            outcome: .acknowledged
        )
        switch action.line.id {
        case .text(let range): item.id = range
        case .none:
            if item.action == .update || item.action == .delete {
                item.outcome = refuse("action_request_validation_exception", "an id is missing")
            }
        case .invalid(let reason):
            item.outcome = refuse("illegal_argument_exception", reason)
        }
        if let source, item.outcome == .acknowledged {
            item.outcome = try outcome(item, body, source, line: line)
        }
        batch.items.append(item)
    }

    private mutating func outcome(
        _ item: BulkItem,
        _ body: Span<UInt8>,
        _ source: Range<Int>,
        line: Int
    ) throws(DocumentReader.Failure) -> BulkItem.Outcome {
        var document: DocumentReader.Document
        do throws(DocumentReader.Failure) {
            document = try documents.document(body, source)
        } catch {
            guard case .malformed(let error) = error else { throw error }
            return refuse(
                "document_parsing_exception",
                "line \(line), character \(error.offset - source.lowerBound + 1): \(error.reason)"
            )
        }
        if item.action == .update {
            // What is changed was counted when it came; only what an update may put there is a document.
            guard let inserted = BulkDecoding.upserted(document.fields) else {
                return .acknowledged
            }
            document.fields = inserted
            document.time = BulkDecoding.time(of: inserted)
        }
        try documents.charge(Self.recordBytes)
        let index = batch.indexes[item.index]
        if document.isTimeUnreadable { batch.unreadableTimes += 1 }
        batch.ids.append(
            item.id.map { id in
                var hasher = Hasher()
                hasher.combine(index.text)
                hasher.combine(body, id)
                return UInt64(bitPattern: Int64(hasher.finalize()))
            }
        )
        batch.records.append(
            LogRecord(
                tag: index.tag,
                eventTime: document.time ?? arrival,
                arrivalTime: arrival,
                fields: document.fields
            )
        )
        return .document(batch.records.count - 1)
    }

    private mutating func refuse(_ type: String, _ reason: String) -> BulkItem.Outcome {
        batch.refusals.append(BulkBatch.Refusal(type: type, reason: reason))
        return .refused(batch.refusals.count - 1)
    }

    /// The document that an update puts where there is none; nil when it puts none.
    private static func upserted(
        _ fields: [(name: String, value: LogValue)]
    ) -> [(name: String, value: LogValue)]? {
        func object(_ name: String) -> [(name: String, value: LogValue)]? {
            guard case .object(let members)? = fields.first(where: { $0.name == name })?.value
            else { return nil }
            return members
        }
        if let upsert = object("upsert") { return upsert }
        let isUpsert = fields.first { $0.name == "doc_as_upsert" }?.value == .bool(true)
        return isUpsert ? object("doc") : nil
    }

    private static func time(of fields: [(name: String, value: LogValue)]) -> Timestamp? {
        for name in DocumentTime.fields {
            switch fields.first(where: { $0.name == name.description })?.value {
            case .string(let text)?:
                let bytes = text.utf8Span.span
                if let time = DocumentTime.time(text: bytes, 0..<bytes.count) { return time }
            case .integer(let number)?:
                if let time = DocumentTime.time(number: Double(number)) { return time }
            case .number(let number)?:
                if let time = DocumentTime.time(number: number) { return time }
            case .null?, .bool?, .array?, .object?, nil: continue
            }
        }
        return nil
    }
}
