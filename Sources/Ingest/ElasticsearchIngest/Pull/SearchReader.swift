import Buffers
import Cryptography
import Model
package import Timekeeping
import WireFormats

/// Reads answers of the cluster, within depth and memory limits; what is partial is no answer.
package struct SearchReader: Sendable {
    /// Bytes of memory of a hit beside its document, by estimate.
    private static let hitBytes = 320

    private let decodedMax: Int
    private let depthMax: Int

    package init(decodedMax: Int, depthMax: Int = JSONReader.depthCeiling) {
        self.decodedMax = decodedMax
        self.depthMax = depthMax
    }

    /// Reads the answer to a search.
    ///
    /// - Parameters:
    ///   - body: JSON.
    ///   - arrival: When it came.
    /// - Returns: An answer of all shards.
    /// - Throws: `partial` when shards failed or time ran out, `unusable` for anything that cannot be read.
    package func search(
        _ body: Span<UInt8>,
        arrival: Timestamp
    ) throws(PullProblem) -> SearchAnswer {
        do {
            return try read(body, arrival)
        } catch let problem as PullProblem {
            throw problem
        } catch DocumentReader.Failure.overBudget {
            throw PullProblem(
                .unusable,
                cause: "too_large",
                "the documents of one answer would take more than \(decodedMax) bytes of memory; lower "
                    + "page_size or raise max_decoded"
            )
        } catch DocumentReader.Failure.malformed(let error) {
            throw SearchReader.unreadable("\(error)")
        } catch {
            throw SearchReader.unreadable("\(error)")
        }
    }

    private static func unreadable(_ reason: String) -> PullProblem {
        PullProblem(.unusable, cause: "malformed", "the answer cannot be read: \(reason)")
    }

    private func read(_ body: Span<UInt8>, _ arrival: Timestamp) throws -> SearchAnswer {
        var reader = JSONReader(body, depthMax: depthMax)
        var documents = DocumentReader(depthMax: depthMax, budget: decodedMax)
        var answer = SearchAnswer()
        var hasHits = false
        guard try reader.next() == .objectStart else {
            throw SearchReader.unreadable("it is no object")
        }
        while case .name(let name) = try reader.next() {
            if reader.equals(name, "pit_id") {
                guard case .string(let text) = try reader.next() else {
                    throw SearchReader.unreadable("pit_id is no text")
                }
                answer.point = try reader.text(text)
            } else if reader.equals(name, "timed_out") {
                guard try reader.next() != .bool(true) else {
                    throw PullProblem(
                        .partial,
                        cause: "timed_out",
                        "the search timed out on some shards, so its answer is not all there is; lower "
                            + "page_size, or give the cluster room"
                    )
                }
            } else if reader.equals(name, "_shards") {
                answer.shards = try SearchReader.shards(&reader)
            } else if reader.equals(name, "hits") {
                hasHits = true
                try hits(&reader, body, arrival, &documents, &answer)
            } else {
                try reader.skip()
            }
        }
        guard try reader.next() == .end else { throw SearchReader.unreadable("it goes on") }
        guard hasHits else {
            throw SearchReader.unreadable("it has no hits; is this Elasticsearch or OpenSearch?")
        }
        return answer
    }

    /// The number of shards that were asked.
    private static func shards(_ reader: inout JSONReader) throws -> Int? {
        let shards = try JSONValue(next: &reader, repairing: true)
        let failed = shards["failed"]?.double ?? 0
        let failures = shards["failures"]?.elements ?? []
        guard failed == 0, failures.isEmpty else {
            let reasons = failures.compactMap { SearchErrors.reason($0["reason"]) }
            if reasons.contains(where: { $0.type == SearchErrors.pointLost }) {
                throw SearchErrors.lost(reasons.first?.text ?? "")
            }
            throw PullProblem(
                .partial,
                cause: "shards_failed",
                "\(count(failed)) of \(count(shards["total"]?.double)) shards failed, so the answer is not "
                    + "all there is" + (reasons.first.map { ": \($0.text)" } ?? "")
                    + "; see GET _cat/shards for shards that are not STARTED"
            )
        }
        return shards["total"]?.double.flatMap { Int(exactly: $0) }
    }

    /// A count for people; `some` for what is no count.
    private static func count(_ value: Double?) -> String {
        value.flatMap { Int(exactly: $0) }.map { "\($0)" } ?? "some"
    }

    private func hits(
        _ reader: inout JSONReader,
        _ body: Span<UInt8>,
        _ arrival: Timestamp,
        _ documents: inout DocumentReader,
        _ answer: inout SearchAnswer
    ) throws {
        guard try reader.next() == .objectStart else {
            throw SearchReader.unreadable("hits is no object")
        }
        while case .name(let name) = try reader.next() {
            guard reader.equals(name, "hits") else {
                try reader.skip()
                continue
            }
            guard try reader.next() == .arrayStart else {
                throw SearchReader.unreadable("hits.hits is no list")
            }
            while true {
                let token = try reader.next()
                if token == .arrayEnd { break }
                guard token == .objectStart else { throw SearchReader.unreadable("a hit is none") }
                try documents.charge(SearchReader.hitBytes)
                answer.hits.append(try hit(&reader, body, arrival, &documents, &answer))
            }
        }
    }

    private func hit(
        _ reader: inout JSONReader,
        _ body: Span<UInt8>,
        _ arrival: Timestamp,
        _ documents: inout DocumentReader,
        _ answer: inout SearchAnswer
    ) throws -> SearchHit {
        var index: String?
        var id: String?
        var sort: Range<Int>?
        var source: Range<Int>?
        while case .name(let name) = try reader.next() {
            if reader.equals(name, "_index") {
                index = try SearchReader.text(&reader)
            } else if reader.equals(name, "_id") {
                id = try SearchReader.text(&reader)
            } else {
                let isSort = reader.equals(name, "sort")
                let isSource = reader.equals(name, "_source")
                let start = reader.offset
                try reader.skip()
                if isSort { sort = SearchReader.trimmed(body, start..<reader.offset) }
                if isSource { source = SearchReader.trimmed(body, start..<reader.offset) }
            }
        }
        guard let index, let id, let sort, let at = SearchReader.time(body, sort) else {
            throw SearchReader.unreadable("a hit lacks _index, _id or the time it is sorted by")
        }
        var made = SearchHit(
            index: index,
            id: id,
            key: SearchReader.key(index, id),
            at: at,
            sort: WireText.repaired(body, sort)
        )
        guard let source else { return made }
        let document = try documents.document(body, source)
        if document.isTimeUnreadable { answer.unreadableTimes += 1 }
        made.record = LogRecord(
            tag: IndexName(index).tag,
            eventTime: document.time ?? at,
            arrivalTime: arrival,
            fields: document.fields
        )
        return made
    }

    private static func text(_ reader: inout JSONReader) throws -> String? {
        guard case .string(let text) = try reader.next() else { return nil }
        return try reader.text(text, repairing: true)
    }

    /// Without white space in front.
    private static func trimmed(_ body: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        while start < range.upperBound, [0x20, 0x09, 0x0a, 0x0d].contains(body[start]) {
            start += 1
        }
        return start..<range.upperBound
    }

    /// The first sort value: milliseconds, nanoseconds for `date_nanos`, or text.
    private static func time(_ body: Span<UInt8>, _ range: Range<Int>) -> Timestamp? {
        var reader = JSONReader(body, in: range)
        guard (try? reader.next()) == .arrayStart, let token = try? reader.next() else {
            return nil
        }
        switch token {
        case .integer(let number):
            // From `date` milliseconds however long ago, from `date_nanos` nanoseconds.
            return abs(number) < 100_000_000_000_000
                ? Timestamp(milliseconds: number) : Timestamp(milliseconds: number / 1_000_000)
        case .number(let number): return DocumentTime.time(number: number)
        case .string(let text): return DocumentTime.time(text: body, text.range)
        case .objectStart, .objectEnd, .arrayStart, .arrayEnd, .name, .bool, .null, .end: return nil
        }
    }

    /// The first eight bytes of the SHA-256 of index and id.
    package static func key(_ index: String, _ id: String) -> Int64 {
        let digest = Digest.sha256(Array(index.utf8) + [0] + Array(id.utf8))
        return digest.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
    }
}
