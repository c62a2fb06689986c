/// Writes protobuf for tests, after opentelemetry-proto.
struct ProtobufMessage {
    var bytes: [UInt8] = []

    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    mutating func add(_ field: UInt64, _ value: [UInt8]) {
        bytes += Self.varint(field << 3 | 2) + Self.varint(UInt64(value.count)) + value
    }

    mutating func add(_ field: UInt64, fixed value: UInt64) {
        bytes += Self.varint(field << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    mutating func add(_ field: UInt64, _ value: Double) { add(field, fixed: value.bitPattern) }

    /// A KeyValue of text, or of pairs.
    static func attribute(_ key: String, _ text: String) -> [UInt8] {
        var value = ProtobufMessage()
        value.add(1, Array(text.utf8))
        return attribute(key, value)
    }

    static func attribute(_ key: String, _ pairs: [(String, String)]) -> [UInt8] {
        var list = ProtobufMessage()
        for (name, text) in pairs { list.add(1, attribute(name, text)) }
        var value = ProtobufMessage()
        value.add(6, list.bytes)
        return attribute(key, value)
    }

    private static func attribute(_ key: String, _ value: ProtobufMessage) -> [UInt8] {
        var pair = ProtobufMessage()
        pair.add(1, Array(key.utf8))
        pair.add(2, value.bytes)
        return pair.bytes
    }
}

/// A metric stream's OpenTelemetry export of one data point.
struct MetricExport {
    var namespace = "AWS/RDS"
    var name = "CPUUtilization"
    var dimensions = [("DBInstanceIdentifier", "db-1")]
    var resource = [("cloud.account.id", "123456789012"), ("cloud.region", "eu-west-1")]
    var count: UInt64 = 4
    var sum = 10.0
    var quantiles = [(0.0, 1.0), (0.999, 3.5), (1.0, 4.0)]
    var minute: Int64 = 0
    /// 11 is a summary, 5 a gauge.
    var kind: UInt64 = 11
    /// False: the labels of version 0.7.
    var hasAttributes = true

    var message: [UInt8] {
        let start = UInt64(FirehoseBench.start + minute * 60_000) * 1_000_000
        var point = ProtobufMessage()
        point.add(2, fixed: start)
        point.add(3, fixed: start + 60_000_000_000)
        point.add(4, fixed: count)
        point.add(5, sum)
        for (quantile, value) in quantiles {
            var one = ProtobufMessage()
            one.add(1, quantile)
            one.add(2, value)
            point.add(6, one.bytes)
        }
        if hasAttributes {
            point.add(7, ProtobufMessage.attribute("Namespace", namespace))
            point.add(7, ProtobufMessage.attribute("MetricName", name))
            point.add(7, ProtobufMessage.attribute("Dimensions", dimensions))
        } else {
            var label = ProtobufMessage()
            label.add(1, Array("Namespace".utf8))
            label.add(2, Array(namespace.utf8))
            point.add(1, label.bytes)
        }
        var data = ProtobufMessage()
        data.add(1, point.bytes)
        var metric = ProtobufMessage()
        metric.add(1, Array("amazonaws.com/\(namespace)/\(name)".utf8))
        metric.add(kind, data.bytes)
        var scope = ProtobufMessage()
        scope.add(2, metric.bytes)
        var attributes = ProtobufMessage()
        for (key, value) in resource {
            attributes.add(1, ProtobufMessage.attribute(key, value))
        }
        var metrics = ProtobufMessage()
        metrics.add(1, attributes.bytes)
        metrics.add(2, scope.bytes)
        var request = ProtobufMessage()
        request.add(1, metrics.bytes)
        return request.bytes
    }

    /// Behind its length.
    var frame: [UInt8] { ProtobufMessage.varint(UInt64(message.count)) + message }
}
