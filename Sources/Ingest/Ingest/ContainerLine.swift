import Model
import Timekeeping

/// What container runtimes do to a line: CRI puts time, stream and a flag before it, and both CRI and Docker cut
/// long lines into pieces.
struct ContainerLine {
    /// Docker's pieces are of so many bytes; a character that was cut in two makes them a little longer.
    static let dockerPiece = 16_384...16_386

    /// The field that holds the text, and the text.
    var field: String
    var text: String
    /// The line goes on in the next record.
    var isPartial: Bool
    /// `stdout` or `stderr`, when it is known.
    var stream: String
    /// When the line was written, when the text itself says.
    var time: Timestamp?
    /// Docker's own number of the line that the piece is of.
    var partialID: String

    /// Nil when the record has no text.
    init?(_ record: LogRecord) {
        var text: String?
        field = ""
        stream = ""
        partialID = ""
        isPartial = false
        var mayBeDocker = true
        for (name, value) in record.fields {
            guard case .string(let string) = value else {
                if name == "partial_message" || name == "partial_last", case .bool(let flag) = value
                {
                    if name == "partial_message" { isPartial = isPartial || flag }
                    mayBeDocker = false
                }
                continue
            }
            switch name {
            case "log": (field, text) = (name, string)
            case "message" where field != "log": (field, text) = (name, string)
            case "msg" where text == nil: (field, text) = (name, string)
            case "stream": stream = string
            case "logtag", "_p":
                isPartial = string == "P"
                mayBeDocker = false
            case "partial_message": isPartial = isPartial || string == "true"
            case "partial_id": partialID = string
            default: break
            }
        }
        guard var text else { return nil }
        if isPartial, !partialID.isEmpty, record["partial_last"]?.text == "true" {
            isPartial = false
        }
        if let line = CRILine(text) {
            stream = line.stream
            isPartial = line.isPartial
            time = line.time
            text = String(line.text)
            mayBeDocker = false
        }
        if mayBeDocker, partialID.isEmpty, !isPartial,
            ContainerLine.dockerPiece.contains(text.utf8.count), text.utf8.last != 0x0a
        {
            isPartial = true
        }
        self.text = text
    }

    /// True for a record that is a whole line as it stands.
    static func isWhole(_ record: LogRecord) -> Bool {
        ContainerLine(record).map { !$0.isPartial && $0.time == nil } ?? true
    }

    /// Takes the line feed off the end of the text.
    mutating func trim() {
        if text.utf8.last == 0x0a { text.unicodeScalars.removeLast() }
        if text.utf8.last == 0x0d { text.unicodeScalars.removeLast() }
    }
}

/// A line as the container runtime interface writes it: `2026-11-24T14:02:00.1Z stdout F text`.
private struct CRILine {
    var time: Timestamp
    var stream: String
    var isPartial: Bool
    var text: Substring

    init?(_ line: String) {
        let bytes = line.utf8
        // Most lines are told from it by their first bytes.
        guard bytes.count > 24, let first = bytes.first, (0x30...0x39).contains(first) else {
            return nil
        }
        let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].utf8.count >= 20, parts[0].utf8.count <= 40,
            parts[1] == "stdout" || parts[1] == "stderr",
            let flag = parts[2].split(separator: ":", maxSplits: 1).first,
            flag == "P" || flag == "F",
            let time = Timestamp(rfc3339: String(parts[0]))
        else { return nil }
        self.time = time
        stream = String(parts[1])
        isPartial = flag == "P"
        text = parts.count > 3 ? parts[3] : ""
    }
}
