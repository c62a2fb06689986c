import Model

/// Reads YAML 1.1 (libyaml's dialect) into trees with positions.
package enum YAMLParser {
    /// Reads the one document of a file.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8, with or without a byte order mark.
    ///   - file: The name that locations bear.
    ///   - limits: What the document may cost.
    /// - Returns: The root; a null when the file holds no document.
    /// - Throws: `YAMLError`; also when there are several documents.
    package static func parse(
        _ bytes: [UInt8],
        file: String,
        limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> YAMLNode {
        let documents = try parseDocuments(bytes, file: file, limits: limits)
        if documents.count > 1 {
            throw YAMLError(
                .severalDocuments,
                documents[1].location,
                "a second document begins here; put it into a file of its own or remove the \"---\""
            )
        }
        if let only = documents.first { return only }
        let start = SourceLocation(file: file, line: 1, column: 1)
        let nothing = YAMLScalar(
            "",
            style: .plain,
            source: YAMLSource(file: file, bytes: []),
            from: start,
            to: start
        )
        return YAMLNode(.scalar(nothing), at: start)
    }

    /// Every document of a file, in order; the limits hold for all of them together.
    ///
    /// - Throws: `YAMLError`.
    package static func parseDocuments(
        _ bytes: [UInt8],
        file: String,
        limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> [YAMLNode] {
        guard bytes.count <= limits.bytesMax else {
            throw YAMLError(
                .tooLarge,
                SourceLocation(file: file, line: 1, column: 1),
                "the file has \(bytes.count) bytes (limit \(limits.bytesMax)); split it"
            )
        }
        let hasMark = bytes.starts(with: [0xef, 0xbb, 0xbf])
        let source = YAMLSource(file: file, bytes: hasMark ? Array(bytes.dropFirst(3)) : bytes)
        return try YAMLEventReader.read(source) { reader throws(YAMLError) -> [YAMLNode] in
            var builder = YAMLTreeBuilder(limits: limits)
            while true {
                let (event, location) = try reader.next()
                if case .streamEnd = event { break }
                try builder.take(event, at: location)
            }
            return try builder.finish()
        }
    }
}
