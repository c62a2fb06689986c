package import WireFormats

/// Reads an ExportMetricsServiceRequest in protobuf.
///
/// - Source: opentelemetry-proto 1.x, `metrics/v1/metrics.proto`, `common/v1/common.proto`.
package enum OTLPMetricsDecoder {
    /// Values within values that are read; deeper ones are refused.
    package static let depthMax = 16

    /// Decodes a whole message.
    ///
    /// - Throws: `WireFormatError` with the byte where it goes wrong.
    package static func decode(_ bytes: Span<UInt8>) throws(WireFormatError) -> OTLPMetrics {
        var request = OTLPMetrics()
        for item in try messages(bytes, 0..<bytes.count, field: 1) {
            request.resources.append(try resource(bytes, item))
        }
        return request
    }

    private static func resource(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> OTLPMetrics.Resource {
        var resource = OTLPMetrics.Resource()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch tag.field {
            case 1:
                for item in try messages(bytes, try reader.message(tag), field: 1) {
                    resource.attributes.append(try attribute(bytes, item))
                }
            case 2:
                for item in try messages(bytes, try reader.message(tag), field: 2) {
                    resource.metrics.append(try metric(bytes, item))
                }
            default: try reader.skip(tag)
            }
        }
        return resource
    }

    private static func metric(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> OTLPMetrics.Metric {
        var metric = OTLPMetrics.Metric()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch tag.field {
            case 1: metric.name = WireText.repaired(bytes, try reader.message(tag))
            case 2: metric.description = WireText.repaired(bytes, try reader.message(tag))
            case 3: metric.unit = WireText.repaired(bytes, try reader.message(tag))
            case 5, 7, 9, 10, 11:
                metric.data = try data(bytes, try reader.message(tag), field: tag.field)
            default: try reader.skip(tag)
            }
        }
        return metric
    }

    /// One of the five kinds of data, whose messages are alike.
    private static func data(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        field: Int
    ) throws(WireFormatError) -> OTLPMetrics.Data {
        var numbers: [OTLPMetrics.Number] = []
        var histograms: [OTLPMetrics.Histogram] = []
        var summaries: [OTLPMetrics.Summary] = []
        var others = 0
        var temporality = OTLPMetrics.Temporality.unspecified
        var isMonotonic = false
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch tag.field {
            case 1:
                let point = try reader.message(tag)
                switch field {
                case 5, 7: numbers.append(try number(bytes, point))
                case 9: histograms.append(try histogram(bytes, point))
                case 11: summaries.append(try summary(bytes, point))
                default: others += 1
                }
            case 2 where tag.wireType == .varint:
                let value = Int(truncatingIfNeeded: try reader.varint())
                temporality = OTLPMetrics.Temporality(rawValue: value) ?? .unspecified
            case 3 where tag.wireType == .varint: isMonotonic = try reader.varint() != 0
            default: try reader.skip(tag)
            }
        }
        return switch field {
        case 5: .gauge(numbers)
        case 7: .sum(numbers, temporality, isMonotonic: isMonotonic)
        case 9: .histogram(histograms, temporality)
        case 11: .summary(summaries)
        default: .exponentialHistogram(points: others)
        }
    }

    // MARK: Points

    private static func number(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> OTLPMetrics.Number {
        var number = OTLPMetrics.Number()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (2, .fixed64): number.point.start = try reader.fixed64()
            case (3, .fixed64): number.point.time = try reader.fixed64()
            case (4, .fixed64): number.value = Double(bitPattern: try reader.fixed64())
            case (6, .fixed64): number.value = Double(Int64(bitPattern: try reader.fixed64()))
            case (7, _):
                number.point.attributes.append(try attribute(bytes, try reader.message(tag)))
            case (8, .varint): number.point.hasNoValue = try reader.varint() & 1 != 0
            default: try reader.skip(tag)
            }
        }
        return number
    }

    private static func histogram(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> OTLPMetrics.Histogram {
        var histogram = OTLPMetrics.Histogram()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (2, .fixed64): histogram.point.start = try reader.fixed64()
            case (3, .fixed64): histogram.point.time = try reader.fixed64()
            case (4, .fixed64): histogram.count = try reader.fixed64()
            case (5, .fixed64): histogram.sum = Double(bitPattern: try reader.fixed64())
            case (6, _): try reader.numbers(bytes, tag) { histogram.bucketCounts.append($0) }
            case (7, _):
                try reader.numbers(bytes, tag) { histogram.bounds.append(Double(bitPattern: $0)) }
            case (9, _):
                histogram.point.attributes.append(try attribute(bytes, try reader.message(tag)))
            case (10, .varint): histogram.point.hasNoValue = try reader.varint() & 1 != 0
            default: try reader.skip(tag)
            }
        }
        return histogram
    }

    private static func summary(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> OTLPMetrics.Summary {
        var summary = OTLPMetrics.Summary()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (2, .fixed64): summary.point.start = try reader.fixed64()
            case (3, .fixed64): summary.point.time = try reader.fixed64()
            case (4, .fixed64): summary.count = try reader.fixed64()
            case (5, .fixed64): summary.sum = Double(bitPattern: try reader.fixed64())
            case (6, _): summary.quantiles.append(try quantile(bytes, try reader.message(tag)))
            case (7, _):
                summary.point.attributes.append(try attribute(bytes, try reader.message(tag)))
            case (8, .varint): summary.point.hasNoValue = try reader.varint() & 1 != 0
            default: try reader.skip(tag)
            }
        }
        return summary
    }

    private static func quantile(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> OTLPMetrics.Quantile {
        var quantile = OTLPMetrics.Quantile()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (1, .fixed64): quantile.quantile = Double(bitPattern: try reader.fixed64())
            case (2, .fixed64): quantile.value = Double(bitPattern: try reader.fixed64())
            default: try reader.skip(tag)
            }
        }
        return quantile
    }

    // MARK: Attributes

    private static func attribute(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int = 0
    ) throws(WireFormatError) -> OTLPAttribute {
        var attribute = OTLPAttribute("", .none)
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch tag.field {
            case 1: attribute.key = WireText.repaired(bytes, try reader.message(tag))
            case 2: attribute.value = try value(bytes, try reader.message(tag), depth: depth)
            default: try reader.skip(tag)
            }
        }
        return attribute
    }

    private static func value(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(WireFormatError) -> OTLPValue {
        guard depth <= depthMax else {
            throw WireFormatError(.nesting(limit: depthMax), at: range.lowerBound)
        }
        var result = OTLPValue.none
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (1, .delimited): result = .string(WireText.repaired(bytes, try reader.delimited()))
            case (2, .varint): result = .bool(try reader.varint() != 0)
            case (3, .varint): result = .integer(Int64(bitPattern: try reader.varint()))
            case (4, .fixed64): result = .double(Double(bitPattern: try reader.fixed64()))
            case (5, .delimited):
                var values: [OTLPValue] = []
                let list = try reader.delimited()
                for item in try messages(bytes, list, field: 1) {
                    values.append(try value(bytes, item, depth: depth + 1))
                }
                result = .array(values)
            case (6, .delimited):
                var members: [OTLPAttribute] = []
                let list = try reader.delimited()
                for item in try messages(bytes, list, field: 1) {
                    members.append(
                        try attribute(bytes, item, depth: depth + 1)
                    )
                }
                result = .map(members)
            case (7, .delimited): result = .bytes(WireText.copy(bytes, try reader.delimited()))
            default: try reader.skip(tag)
            }
        }
        return result
    }

    /// Where the messages of a repeated field lie.
    private static func messages(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        field: Int
    ) throws(WireFormatError) -> [Range<Int>] {
        var reader = ProtobufReader(bytes, in: range)
        var found: [Range<Int>] = []
        while let tag = try reader.tag() {
            if tag.field == field {
                found.append(try reader.message(tag))
            } else {
                try reader.skip(tag)
            }
        }
        return found
    }
}

extension ProtobufReader {
    /// Where a message, text or list lies.
    fileprivate mutating func message(_ tag: ProtobufTag) throws(WireFormatError) -> Range<Int> {
        guard tag.wireType == .delimited else {
            throw WireFormatError(.unexpectedWireType(field: tag.field), at: offset)
        }
        return try delimited()
    }

    /// Numbers of eight bytes, packed or one by one.
    fileprivate mutating func numbers(
        _ bytes: Span<UInt8>,
        _ tag: ProtobufTag,
        _ take: (UInt64) -> Void
    ) throws(WireFormatError) {
        if tag.wireType == .fixed64 { return take(try fixed64()) }
        var packed = ProtobufReader(bytes, in: try message(tag))
        while !packed.isAtEnd { take(try packed.fixed64()) }
    }
}
