import Model
import Timekeeping

/// Puts pieces of lines and lines of events together, stream by stream.
///
/// An event that is still open at the end of a batch is counted there and then, once, with the text it has: what
/// is acknowledged is counted. Only pieces of a line wait uncounted for their end.
struct LogJoiner {
    /// A record that is ready.
    struct Ready {
        var record: LogRecord
        /// Index of the stream's definition; nil for none.
        var stream: Int?
        /// It was counted before it was complete.
        var isCounted: Bool
    }

    /// What became of a batch.
    struct Outcome {
        /// Complete, to be kept, and counted when they are not yet.
        var ready: [Ready] = []
        /// Open events to be counted now.
        var open: [Ready] = []
        /// Events that were ended by a limit.
        var cut = 0
        /// Lines that go on with an event that is not open: kept, not counted.
        var fragments = 0
        /// Pieces and lines that were joined to others.
        var joined = 0
    }

    /// How the lines of a stream are joined.
    struct Rules: Sendable {
        enum Kind: Sendable {
            case start(LinePattern)
            case traces(TraceMachine)
        }

        var kind: Kind
        var multiline: LogStreamDefinition.Multiline
    }

    /// Where lines that belong together come from.
    private struct Key: Hashable {
        var tag: String
        var namespace: String
        var pod: String
        var container: String
        var stream: String
        var partialID: String
    }

    private struct Piece {
        var first: LogRecord
        var line: ContainerLine
        var definition: Int?
        var touched: Timestamp
        var order: UInt64
    }

    private struct Event {
        var first: LogRecord
        var field: String
        var text: String
        var lines: Int
        var definition: Int
        var state: TraceMachine.State
        var isCounted: Bool
        var idle: Duration
        var touched: Timestamp
        var order: UInt64
    }

    private let settings: LogJoinSettings
    private var pieces: [Key: Piece] = [:]
    private var events: [Key: Event] = [:]
    /// Keys of events that were opened since open ones were counted.
    private var uncounted: [Key] = []
    /// Of texts that are open.
    private var bytes = 0
    private var order: UInt64 = 0
    /// What was open, at the keys that were touched since the journal began; nil when none is kept.
    private var journal: Journal?

    /// What it takes to have everything as it was.
    private struct Journal {
        var open: [Key: (piece: Piece?, event: Event?)] = [:]
        var uncounted: [Key]
        var bytes: Int
    }

    init(settings: LogJoinSettings) {
        self.settings = settings
    }

    /// Streams in which something is open.
    var openCount: Int { pieces.count + events.count }
    /// Bytes of what is open.
    var openBytes: Int { bytes }

    // MARK: Taking back

    /// From here on everything can be taken back.
    mutating func beginJournal() { journal = Journal(uncounted: uncounted, bytes: bytes) }

    /// What was done since the journal began stands.
    mutating func endJournal() { journal = nil }

    /// Has everything as it was when the journal began.
    mutating func undo() {
        guard let journal else { return }
        for (key, open) in journal.open {
            pieces[key] = open.piece
            events[key] = open.event
        }
        uncounted = journal.uncounted
        bytes = journal.bytes
        self.journal = nil
    }

    /// Keeps what is open at a key; to be called before it is changed.
    private mutating func remember(_ key: Key) {
        guard journal != nil, journal?.open[key] == nil else { return }
        journal?.open[key] = (pieces[key], events[key])
    }

    /// Takes one record.
    mutating func take(
        _ record: LogRecord,
        _ definition: Int?,
        _ rules: Rules?,
        at now: Timestamp,
        _ outcome: inout Outcome
    ) {
        guard var line = ContainerLine(record) else {
            return outcome.ready.append(Ready(record: record, stream: definition, isCounted: false))
        }
        var record = record
        if let time = line.time {
            record.eventTime = time
            record.set("stream", line.stream)
        }
        let isRewritten = line.time != nil
        guard line.isPartial || rules != nil || !pieces.isEmpty else {
            if isRewritten {
                line.trim()
                record.set(line.field, line.text)
            }
            return outcome.ready.append(Ready(record: record, stream: definition, isCounted: false))
        }
        order += 1
        line.trim()
        var key = LogJoiner.key(record, line)
        guard let whole = join(record, line, key, definition, at: now, &outcome) else { return }
        key.partialID = ""
        guard let rules, let definition else {
            var finished = whole.record
            if whole.isJoined || isRewritten { finished.set(line.field, whole.text) }
            return outcome.ready.append(
                Ready(record: finished, stream: whole.definition, isCounted: false)
            )
        }
        take(whole.record, line.field, whole.text, key, definition, rules, at: now, &outcome)
    }

    /// Ends what nothing has come for, or everything.
    mutating func flush(idleAt now: Timestamp?, _ outcome: inout Outcome) {
        for (key, piece) in pieces.sorted(by: { $0.value.order < $1.value.order }) {
            guard now.map({ $0 - piece.touched >= settings.pieceIdle }) ?? true else { continue }
            endPiece(key, &outcome)
        }
        for (key, event) in events.sorted(by: { $0.value.order < $1.value.order }) {
            guard now.map({ $0 - event.touched >= event.idle }) ?? true else { continue }
            end(key, &outcome)
        }
    }

    /// Open events that were not counted yet, marked as counted.
    mutating func countOpen(_ outcome: inout Outcome) {
        defer { uncounted = [] }
        for key in uncounted {
            guard let event = events[key], !event.isCounted else { continue }
            remember(key)
            events[key]?.isCounted = true
            outcome.open.append(
                Ready(record: finished(event), stream: event.definition, isCounted: false)
            )
        }
    }

    /// Ends everything that a definition began, as it is gone.
    mutating func reset(_ outcome: inout Outcome) { flush(idleAt: nil, &outcome) }

    // MARK: Pieces

    private mutating func join(
        _ record: LogRecord,
        _ line: ContainerLine,
        _ key: Key,
        _ definition: Int?,
        at now: Timestamp,
        _ outcome: inout Outcome
    ) -> (record: LogRecord, text: String, definition: Int?, isJoined: Bool)? {
        guard var piece = pieces[key] else {
            guard line.isPartial else { return (record, line.text, definition, false) }
            makeRoom(for: line.text.utf8.count, &outcome)
            bytes += line.text.utf8.count
            remember(key)
            pieces[key] = Piece(
                first: record,
                line: line,
                definition: definition,
                touched: now,
                order: order
            )
            return nil
        }
        remember(key)
        pieces[key] = nil
        outcome.joined += 1
        bytes -= piece.line.text.utf8.count
        piece.line.text += line.text
        piece.touched = now
        let isTooLong = piece.line.text.utf8.count >= settings.lineBytesMax
        guard line.isPartial, !isTooLong else {
            if isTooLong, line.isPartial { outcome.cut += 1 }
            return (piece.first, piece.line.text, piece.definition, true)
        }
        makeRoom(for: piece.line.text.utf8.count, &outcome)
        bytes += piece.line.text.utf8.count
        pieces[key] = piece
        return nil
    }

    private mutating func endPiece(_ key: Key, _ outcome: inout Outcome) {
        remember(key)
        guard let piece = pieces.removeValue(forKey: key) else { return }
        bytes -= piece.line.text.utf8.count
        var record = piece.first
        record.set(piece.line.field, piece.line.text)
        outcome.ready.append(Ready(record: record, stream: piece.definition, isCounted: false))
    }

    // MARK: Events

    private mutating func take(
        _ record: LogRecord,
        _ field: String,
        _ text: String,
        _ key: Key,
        _ definition: Int,
        _ rules: Rules,
        at now: Timestamp,
        _ outcome: inout Outcome
    ) {
        if let open = events[key], open.definition != definition { end(key, &outcome) }
        var state = events[key]?.state ?? 0
        let verdict: TraceMachine.Verdict
        switch rules.kind {
        case .start(let pattern): verdict = pattern.isFound(in: text) ? .begins : .goesOn
        case .traces(let machine): verdict = machine.advance(&state, text)
        }
        switch verdict {
        case .alone:
            end(key, &outcome)
            var record = record
            record.set(field, text)
            outcome.ready.append(Ready(record: record, stream: definition, isCounted: false))
        case .begins:
            end(key, &outcome)
            open(
                record,
                field,
                text,
                key,
                definition,
                state,
                rules,
                isCounted: false,
                now,
                &outcome
            )
        case .goesOn, .ends:
            guard let event = events[key] else {
                // Its event was ended meanwhile and is counted, or began before anything was seen.
                outcome.fragments += 1
                open(
                    record,
                    field,
                    text,
                    key,
                    definition,
                    state,
                    rules,
                    isCounted: true,
                    now,
                    &outcome
                )
                break
            }
            let limits = rules.multiline
            if event.lines >= limits.linesMax
                || event.text.utf8.count + text.utf8.count + 1 > limits.bytesMax
            {
                outcome.cut += 1
                end(key, &outcome)
                // It was counted with its first lines.
                open(
                    record,
                    field,
                    text,
                    key,
                    definition,
                    state,
                    rules,
                    isCounted: true,
                    now,
                    &outcome
                )
                break
            }
            outcome.joined += 1
            makeRoom(for: text.utf8.count + 1, keeping: key, &outcome)
            bytes += text.utf8.count + 1
            remember(key)
            events[key]?.text += "\n" + text
            events[key]?.lines += 1
            events[key]?.state = state
            events[key]?.touched = now
        }
        if verdict == .ends { end(key, &outcome) }
    }

    private mutating func open(
        _ record: LogRecord,
        _ field: String,
        _ text: String,
        _ key: Key,
        _ definition: Int,
        _ state: TraceMachine.State,
        _ rules: Rules,
        isCounted: Bool,
        _ now: Timestamp,
        _ outcome: inout Outcome
    ) {
        makeRoom(for: text.utf8.count, &outcome)
        bytes += text.utf8.count
        if !isCounted { uncounted.append(key) }
        remember(key)
        events[key] = Event(
            first: record,
            field: field,
            text: text,
            lines: 1,
            definition: definition,
            state: state,
            isCounted: isCounted,
            idle: rules.multiline.idle,
            touched: now,
            order: order
        )
    }

    private mutating func end(_ key: Key, _ outcome: inout Outcome) {
        remember(key)
        guard let event = events.removeValue(forKey: key) else { return }
        bytes -= event.text.utf8.count
        outcome.ready.append(
            Ready(
                record: finished(event),
                stream: event.definition,
                isCounted: event.isCounted
            )
        )
    }

    private func finished(_ event: Event) -> LogRecord {
        var record = event.first
        record.set(event.field, event.text)
        return record
    }

    /// Ends what waits longest until there is room: a tenth of all at once, so that looking for it costs
    /// little a line.
    private mutating func makeRoom(
        for count: Int,
        keeping kept: Key? = nil,
        _ outcome: inout Outcome
    ) {
        func isFull() -> Bool {
            openCount >= settings.openMax || bytes + count > settings.bytesMax
        }
        guard isFull() else { return }
        let open =
            pieces.map { (key: $0.key, order: $0.value.order, isPiece: true) }
            + events.map { (key: $0.key, order: $0.value.order, isPiece: false) }
        var left = max(1, open.count / 10)
        for one in open.sorted(by: { $0.order < $1.order }) where one.isPiece || one.key != kept {
            guard left > 0 || isFull() else { return }
            left -= 1
            outcome.cut += 1
            if one.isPiece {
                endPiece(one.key, &outcome)
            } else {
                end(one.key, &outcome)
            }
        }
    }

    private static func key(_ record: LogRecord, _ line: ContainerLine) -> Key {
        func text(_ path: String) -> String {
            LogRecord.value(at: path, in: record.fields)?.text ?? ""
        }
        return Key(
            tag: record.tag,
            namespace: text("kubernetes.namespace"),
            pod: text("kubernetes.pod"),
            container: [
                text("kubernetes.container"), record["container_id"]?.text ?? "",
            ].joined(separator: "\n"),
            stream: line.stream,
            partialID: line.partialID
        )
    }
}

extension LogRecord {
    /// Puts a text in place of a field's value, or behind the others when there is no such field.
    fileprivate mutating func set(_ name: String, _ text: String) {
        if let index = fields.firstIndex(where: { $0.name == name }) {
            fields[index].value = .string(text)
        } else {
            fields.append((name, .string(text)))
        }
    }
}
