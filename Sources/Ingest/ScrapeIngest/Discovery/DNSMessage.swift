import Glibc

/// Reads answers of name servers.
///
/// - Source: RFC 1035, section 4; RFC 2782 for SRV, RFC 3596 for AAAA.
package enum DNSMessage {
    /// Pointers of a name that are followed; a name cannot have more labels.
    private static let jumpsMax = 127
    private static let nameBytesMax = 255

    /// The records of one type in an answer's answer section, in its order.
    ///
    /// - Throws: That the message is no answer.
    package static func records(
        in message: Span<UInt8>,
        _ kind: DNSRecord.Kind
    ) throws(DNSProblem) -> [DNSRecord] {
        guard message.count >= 12 else { throw cut }
        var offset = 12
        for _ in 0..<number(message, 4) {
            _ = try name(message, &offset)
            offset += 4
        }
        var records: [DNSRecord] = []
        for _ in 0..<number(message, 6) {
            _ = try name(message, &offset)
            guard offset + 10 <= message.count else { throw cut }
            let type = number(message, offset)
            let length = number(message, offset + 8)
            offset += 10
            guard length <= message.count - offset else { throw cut }
            if type == Int(kind.rawValue),
                let record = try record(message, offset..<(offset + length), kind)
            {
                records.append(record)
            }
            offset += length
        }
        return records
    }

    private static func record(
        _ message: Span<UInt8>,
        _ range: Range<Int>,
        _ kind: DNSRecord.Kind
    ) throws(DNSProblem) -> DNSRecord? {
        switch kind {
        case .address4:
            guard range.count == 4 else { throw cut }
            return .address(range.map { "\(message[$0])" }.joined(separator: "."))
        case .address6:
            guard range.count == 16 else { throw cut }
            return .address(sixteen(range.map { message[$0] }))
        case .service:
            guard range.count >= 7 else { throw cut }
            var offset = range.lowerBound + 6
            let host = try name(message, &offset)
            // A lone dot: the service is decidedly not there.
            return host.isEmpty
                ? nil : .service(host: host, port: number(message, range.lowerBound + 4))
        }
    }

    private static func sixteen(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // Sixteen bytes in, and room for the longest text out.
        unsafe bytes.withUnsafeBytes { bytes in
            _ = unsafe inet_ntop(AF_INET6, bytes.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN))
        }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    /// The name at `offset` without the dot at its end, moving behind it.
    private static func name(
        _ message: Span<UInt8>,
        _ offset: inout Int
    ) throws(DNSProblem) -> String {
        var position = offset
        var end: Int?
        var jumps = 0
        var bytes: [UInt8] = []
        while true {
            guard position < message.count else { throw cut }
            let length = Int(message[position])
            if length & 0xc0 == 0xc0 {
                guard position + 1 < message.count, jumps < jumpsMax else { throw cut }
                end = end ?? position + 2
                position = (length & 0x3f) << 8 | Int(message[position + 1])
                jumps += 1
                continue
            }
            guard length & 0xc0 == 0 else { throw cut }
            position += 1
            if length == 0 { break }
            guard length <= message.count - position, bytes.count + length < nameBytesMax else {
                throw cut
            }
            if !bytes.isEmpty { bytes.append(0x2e) }
            for index in position..<(position + length) { bytes.append(message[index]) }
            position += length
        }
        offset = end ?? position
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func number(_ message: Span<UInt8>, _ offset: Int) -> Int {
        Int(message[offset]) << 8 | Int(message[offset + 1])
    }

    private static var cut: DNSProblem {
        DNSProblem(reason: "the name server's answer is damaged; ask it with dig to see more")
    }
}
