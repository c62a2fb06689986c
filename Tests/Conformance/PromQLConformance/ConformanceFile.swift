package import Foundation

/// A file of cases in the format promql-cases/1.
package struct ConformanceFile: Decodable, Sendable {
    package static let format = "promql-cases/1"

    package struct Series: Decodable, Sendable {
        package var series: String
        package var values: String
        /// Offsets from each sample's own time.
        package var start_timestamps: String?
    }

    /// Series that share an interval.
    package struct Block: Decodable, Sendable {
        package var interval: String
        package var series: [Series]
    }

    package struct Range: Decodable, Sendable {
        package var start: String
        package var end: String
        package var step: String
    }

    package struct ExpectedSample: Decodable, Sendable {
        package var labels: [String: String]
        /// Nil for a native histogram.
        package var value: String?
    }

    package struct ExpectedSeries: Decodable, Sendable {
        package var labels: [String: String]
        package var points: [ExpectedPoint]
    }

    /// `[seconds, value]`; the value is nil for a native histogram.
    package struct ExpectedPoint: Decodable, Sendable {
        package var seconds: Double
        package var value: String?

        package init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            seconds = try list.decode(Double.self)
            value = try? list.decode(String.self)
        }
    }

    package struct Expectation: Decodable, Sendable {
        package var type: String
        package var samples: [ExpectedSample]?
        package var ordered: Bool?
        package var value: String?
        package var series: [ExpectedSeries]?
        package var msg: String?
        package var regex: String?
    }

    package struct Annotation: Decodable, Sendable {
        package var msg: String?
        package var regex: String?
    }

    package struct Annotations: Decodable, Sendable {
        package var warn: [Annotation]?
        package var info: [Annotation]?
        package var no_warn: [Annotation]?
        package var no_info: [Annotation]?
    }

    package struct Case: Decodable, Sendable {
        package var id: String
        package var env: String
        package var expr: String
        package var at: String?
        package var range: Range?
        /// Absent in files that only ask.
        package var expect: Expectation?
        package var annotations: Annotations?
        package var features: [String]?
    }

    package var format: String
    package var group: String?
    package var environments: [String: [Block]]
    package var cases: [Case]

    /// Reads a file.
    ///
    /// - Returns: Nil when the JSON file is of another format.
    /// - Throws: When the file cannot be read, or is of this format and malformed.
    package static func read(_ url: URL) throws -> ConformanceFile? {
        struct Head: Decodable { var format: String? }
        let data = try Data(contentsOf: url)
        guard let head = try? JSONDecoder().decode(Head.self, from: data), head.format == format
        else { return nil }
        return try JSONDecoder().decode(ConformanceFile.self, from: data)
    }

    /// The case files below a folder, in the order of their paths.
    package static func files(below folder: URL) -> [URL] {
        guard
            let walk = FileManager.default.enumerator(
                at: folder,
                includingPropertiesForKeys: nil,
                options: [.skipsHiddenFiles]
            )
        else { return [] }
        return walk.compactMap { $0 as? URL }.filter { $0.pathExtension == "json" }
            .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
}
