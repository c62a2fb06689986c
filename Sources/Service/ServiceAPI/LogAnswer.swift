import APIModel
import HTTPServer
import LogStore
import Model
import Telemetry
import Timekeeping

/// The answer of `/v1/logs`: records, and what is to be said about them.
struct LogAnswer {
    private(set) var document: LogAnswerDocument
    private let format: LogQuery.Format
    /// The records, a piece of JSON each.
    private var records: [[UInt8]] = []

    init(
        _ query: LogQuery,
        _ search: LogSearch,
        _ result: LogSearchResult,
        run: Int64,
        limits: LogLimits,
        notes: [String]
    ) {
        format = query.format
        var notes = notes
        var bytes = 0
        var isCut = false
        for hit in result.hits {
            let record = LogAnswer.json(hit)
            bytes += record.count + 2
            guard bytes <= limits.answerBytesMax || records.isEmpty else {
                isCut = true
                break
            }
            records.append(record)
        }
        let isArrival = if case .arrival = search.order { true } else { false }
        var last = result.newestSequence
        if isArrival, isCut || result.isLimited || !result.isComplete {
            // Go on behind what was given; without any, where this call began.
            let begin = if case .arrival(let after) = search.order { after } else { 0 as UInt64 }
            last = records.isEmpty ? begin : result.hits[records.count - 1].sequence
        }
        if isCut {
            notes.append(
                "the answer was over \(limits.answerBytesMax) bytes; \(result.hits.count - records.count) "
                    + "records are left out: ask for fewer"
            )
        }
        if !result.isComplete {
            let reach = result.completeTo.map { moment in
                search.order == .oldestFirst
                    ? "; complete up to \(moment.rfc3339)" : "; complete back to \(moment.rfc3339)"
            }
            notes.append(
                "the time (\(query.timeout.prometheusText)) was over before everything was looked "
                    + "at\(reach ?? ""): narrow match, start or end, or raise timeout"
            )
        }
        if let start = query.start, start < result.heldFrom {
            notes.append(
                "records that arrived before \(result.heldFrom.rfc3339) are no longer held "
                    + "(store.logs.retention, store.logs.max_memory; a restart empties the rings)"
            )
        }
        document = LogAnswerDocument(
            order: isArrival
                ? "arrival" : search.order == .oldestFirst ? "forward" : "backward",
            complete: result.isComplete && !isCut,
            more: result.isLimited || isCut,
            held: LogAnswerDocument.Held(
                since: result.heldFrom.rfc3339,
                oldest: result.heldSpan?.oldest.rfc3339,
                newest: result.heldSpan?.newest.rfc3339,
                records: result.records,
                streams: result.streams
            ),
            cursor: LogCursor(run: run, sequence: last).text,
            notes: notes
        )
    }

    /// One document, or a line for each record with the rest in headers.
    var response: HTTPResponse {
        switch format {
        case .json:
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("records")
                writer.array { writer in
                    for record in records {
                        writer.raw(String(decoding: record, as: UTF8.self))
                    }
                }
                writer.field("order", document.order)
                writer.field("complete", raw: "\(document.complete)")
                writer.field("more", raw: "\(document.more)")
                writer.key("held")
                writer.object { writer in
                    writer.field("since", document.held.since)
                    writer.optional("oldest", document.held.oldest)
                    writer.optional("newest", document.held.newest)
                    writer.field("records", raw: "\(document.held.records)")
                    writer.field("streams", raw: "\(document.held.streams)")
                }
                writer.field("cursor", document.cursor)
                writer.key("notes")
                writer.strings(document.notes)
            }
            return HTTPResponse(status: 200, contentType: "application/json", writer.bytes)
        case .ndjson:
            var body: [UInt8] = []
            for record in records {
                body += record
                body.append(UInt8(ascii: "\n"))
            }
            var response = HTTPResponse(
                status: 200,
                contentType: "application/x-ndjson",
                body
            )
            response.headers += [
                ("Tocsin-Logs-Complete", "\(document.complete)"),
                ("Tocsin-Logs-More", "\(document.more)"),
                ("Tocsin-Logs-Held-Since", document.held.since),
                ("Tocsin-Logs-Cursor", document.cursor),
            ]
            response.headers += document.notes.map { ("Tocsin-Logs-Note", $0) }
            return response
        }
    }

    private static func json(_ hit: LogSearchResult.Hit) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("time", hit.record.eventTime.rfc3339)
            writer.field("arrived", hit.record.arrivalTime.rfc3339)
            writer.field("tag", hit.stream.tag)
            writer.field("namespace", hit.stream.namespace)
            writer.field("container", hit.stream.container)
            writer.key("fields")
            writer.fields(hit.record.fields)
        }
        return writer.bytes
    }
}

extension JSONWriter {
    /// A text, or null.
    fileprivate mutating func optional(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { raw("null") }
    }

    /// Fields as an object; of a name that comes twice, the first.
    fileprivate mutating func fields(_ fields: [(name: String, value: LogValue)]) {
        object { writer in
            var seen: Set<String> = []
            for (name, value) in fields where seen.insert(name).inserted {
                writer.key(name)
                writer.value(value)
            }
        }
    }

    private mutating func value(_ value: LogValue) {
        switch value {
        case .null: raw("null")
        case .bool(let flag): raw("\(flag)")
        case .integer(let integer): raw("\(integer)")
        // JSON has no infinities.
        case .number(let number): raw(number.isFinite ? "\(number)" : "null")
        case .string(let text): string(text)
        case .array(let elements):
            array { writer in
                for element in elements { writer.value(element) }
            }
        case .object(let members): fields(members)
        }
    }
}
