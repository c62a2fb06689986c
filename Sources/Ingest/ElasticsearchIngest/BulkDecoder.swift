import Buffers
package import Timekeeping
import WireFormats

/// Takes the body of a bulk request apart, line by line, in one pass.
///
/// A document that can never be taken is an item's refusal and its neighbours are kept; an action line that cannot
/// be read ends the request, since what follows may be either kind of line. That is as Elasticsearch does it.
package struct BulkDecoder: Sendable {
    private let settings: BulkSettings

    package init(settings: BulkSettings) {
        self.settings = settings
    }

    /// Takes a body apart.
    ///
    /// - Parameters:
    ///   - body: Decompressed; the last newline may be missing.
    ///   - defaultIndex: The index that the request's path names; nil for none.
    ///   - arrival: Stands for the time of documents that do not say theirs.
    /// - Returns: All items, in order.
    /// - Throws: Why nothing of the request can be taken.
    package func decode(
        _ body: Span<UInt8>,
        defaultIndex: String?,
        arrival: Timestamp
    ) throws(BulkProblem) -> BulkBatch {
        var work = BulkDecoding(settings: settings, defaultIndex: defaultIndex, arrival: arrival)
        var position = 0
        var line = 0
        while let range = BulkDecoder.nextLine(body, &position) {
            line += 1
            guard !BulkDecoder.isBlank(body, range) else { continue }
            let action: BulkDecoding.Action
            do throws(BulkActionLine.Malformed) {
                action = try work.action(body, range)
            } catch {
                throw .malformed(
                    type: "illegal_argument_exception",
                    reason: "Malformed action/metadata line [\(line)]: \(error.reason)"
                )
            }
            guard action.index >= 0 else {
                throw .malformed(
                    type: "action_request_validation_exception",
                    reason: "Validation Failed: 1: index is missing (line \(line));"
                )
            }
            var source: Range<Int>?
            if action.line.action != .delete {
                source = BulkDecoder.nextLine(body, &position)
                guard source != nil else {
                    throw .malformed(
                        type: "illegal_argument_exception",
                        reason: "the action on line [\(line)] has no document behind it"
                    )
                }
                line += 1
            }
            do throws(DocumentReader.Failure) {
                try work.add(action, body, source, line: line)
            } catch {
                throw .tooLarge(
                    "the documents would take more than \(settings.decodedMax) bytes of memory; send "
                        + "fewer at once, or raise sources.http_ingest.bulk_max_decoded"
                )
            }
        }
        return work.batch
    }

    /// The next line without its end, `\n` or `\r\n`; nil behind the last.
    private static func nextLine(_ body: Span<UInt8>, _ position: inout Int) -> Range<Int>? {
        guard position < body.count else { return nil }
        let start = position
        var end = body.firstIndex(of: 0x0a, in: start..<body.count) ?? body.count
        position = end + 1
        if end > start, body[end - 1] == 0x0d { end -= 1 }
        return start..<end
    }

    private static func isBlank(_ body: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range where body[index] != 0x20 && body[index] != 0x09 { return false }
        return true
    }
}
