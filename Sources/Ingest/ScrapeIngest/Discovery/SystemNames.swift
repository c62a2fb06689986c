import CLinux
import Glibc

/// Asks the name servers of `/etc/resolv.conf`.
package struct SystemNames: NameResolving {
    /// Bytes of the longest answer.
    private static let answerMax = 65535

    package init() {}

    package func records(
        of name: String,
        _ kind: DNSRecord.Kind
    ) throws(DNSProblem) -> [DNSRecord] {
        var answer = [UInt8](repeating: 0, count: SystemNames.answerMax)
        let length = unsafe answer.withUnsafeMutableBufferPointer { buffer in
            unsafe tocsin_dns_query(
                name,
                Int32(kind.rawValue),
                buffer.baseAddress,
                Int32(buffer.count)
            )
        }
        switch length {
        case 0...: break
        case -HOST_NOT_FOUND:
            throw DNSProblem(reason: "there is no name \(name); check \"names\" and resolv.conf")
        case -NO_DATA: return []
        case -TRY_AGAIN:
            throw DNSProblem(reason: "no name server answers for \(name); see /etc/resolv.conf")
        default:
            throw DNSProblem(reason: "the name server refuses to answer for \(name)")
        }
        return try DNSMessage.records(in: answer.span.extracting(first: Int(length)), kind)
    }
}
