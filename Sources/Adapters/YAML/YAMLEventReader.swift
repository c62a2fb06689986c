import CYAML
import Model

/// One event of libyaml's parser, as a value.
enum YAMLEvent {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias(String)
    case scalar(YAMLScalar, anchor: String?, tag: String?)
    case sequenceStart(anchor: String?, tag: String?)
    case sequenceEnd
    case mappingStart(anchor: String?, tag: String?)
    case mappingEnd
}

/// The owner of one libyaml parser: hands out its events as values.
///
/// The parser keeps a pointer to the input, so the reader lives only inside `read`.
@safe
struct YAMLEventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let source: YAMLSource

    /// Runs `body` with a reader over the source's bytes.
    static func read<Value>(
        _ source: YAMLSource,
        _ body: (borrowing YAMLEventReader) throws(YAMLError) -> Value
    ) throws(YAMLError) -> Value {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            throw YAMLError(
                .syntax,
                SourceLocation(file: source.file, line: 1, column: 1),
                "out of memory"
            )
        }
        let reader = unsafe YAMLEventReader(parser: parser, source: source)
        return try unsafe source.bytes.withUnsafeBufferPointer {
            buffer throws(YAMLError) -> Value in
            // The buffer outlives every call of the parser: they all happen in `body`.
            unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            unsafe yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            return try body(reader)
        }
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, source: YAMLSource) {
        unsafe self.parser = unsafe parser
        self.source = source
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    /// The next event and the place where it begins.
    func next() throws(YAMLError) -> (event: YAMLEvent, location: SourceLocation) {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { unsafe yaml_event_delete(&event) }
        let start = unsafe place(event.start_mark)
        let end = unsafe place(event.end_mark)
        return (unsafe value(of: event, from: start, to: end), start)
    }

    private func value(
        of event: yaml_event_t,
        from start: SourceLocation,
        to end: SourceLocation
    ) -> YAMLEvent {
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: .streamStart
        case YAML_DOCUMENT_START_EVENT: .documentStart
        case YAML_DOCUMENT_END_EVENT: .documentEnd
        case YAML_ALIAS_EVENT: unsafe .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT: unsafe scalar(event.data.scalar, from: start, to: end)
        case YAML_SEQUENCE_START_EVENT:
            unsafe .sequenceStart(
                anchor: text(event.data.sequence_start.anchor),
                tag: text(event.data.sequence_start.tag)
            )
        case YAML_SEQUENCE_END_EVENT: .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            unsafe .mappingStart(
                anchor: text(event.data.mapping_start.anchor),
                tag: text(event.data.mapping_start.tag)
            )
        case YAML_MAPPING_END_EVENT: .mappingEnd
        // The end of the stream, and the empty event that follows it.
        default: .streamEnd
        }
    }

    private func scalar(
        _ scalar: yaml_event_t.__Unnamed_union_data.__Unnamed_struct_scalar,
        from start: SourceLocation,
        to end: SourceLocation
    ) -> YAMLEvent {
        let style: YAMLScalar.Style =
            switch unsafe scalar.style {
            case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
            case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
            case YAML_LITERAL_SCALAR_STYLE: .literal
            case YAML_FOLDED_SCALAR_STYLE: .folded
            default: .plain
            }
        // libyaml gives `length` bytes of valid UTF-8 at `value`.
        let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        let text = unsafe String(decoding: bytes, as: UTF8.self)
        return unsafe .scalar(
            YAMLScalar(text, style: style, source: source, from: start, to: end),
            anchor: self.text(scalar.anchor),
            tag: self.text(scalar.tag)
        )
    }

    /// A zero-terminated string of libyaml's.
    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: pointer)
    }

    private func place(_ mark: yaml_mark_t) -> SourceLocation {
        SourceLocation(file: source.file, line: mark.line + 1, column: mark.column + 1)
    }

    /// The parser's error in words, at the place where it saw it.
    private func problem() -> YAMLError {
        let words = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "unknown"
        switch unsafe parser.pointee.error {
        case YAML_READER_ERROR:
            let offset = unsafe Int(parser.pointee.problem_offset)
            return YAMLError(
                .encoding,
                source.location(ofByte: offset),
                "not readable as UTF-8 text (\(words)); save the file as UTF-8"
            )
        case YAML_MEMORY_ERROR:
            return YAMLError(
                .syntax,
                SourceLocation(file: source.file, line: 1, column: 1),
                "out of memory"
            )
        default:
            var message = "not valid YAML: \(words)"
            if let context = unsafe parser.pointee.context {
                let start = unsafe place(parser.pointee.context_mark)
                let what = unsafe String(cString: context)
                message += " \(what) that begins at line \(start.line)"
            }
            if words.contains("cannot start any token") {
                message += "; quote the value, or indent with spaces instead of tabs"
            } else {
                message += "; check indentation, quotes and brackets here and just above"
            }
            return unsafe YAMLError(.syntax, place(parser.pointee.problem_mark), message)
        }
    }
}
