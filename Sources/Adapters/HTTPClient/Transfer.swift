/// One request from `send` to its reply.
///
/// Proof for `@unchecked Sendable`: it is made by the caller and handed to the client's thread, which alone touches
/// it from then on, within curl's callbacks and around them.
final class Transfer: @unchecked Sendable {
    typealias Outcome = Result<HTTPClientReply, HTTPClientError>

    /// Why curl was told to stop reading.
    enum Refusal {
        case replyTooLarge
        case headTooLarge
    }

    let prepared: PreparedRequest
    private let replyHeadMax: Int
    private let continuation: CheckedContinuation<Outcome, Never>

    private(set) var refusal: Refusal?
    private var headers: [(name: String, value: String)] = []
    private var headBytes = 0
    private var body: [UInt8] = []

    init(
        _ prepared: PreparedRequest,
        replyHeadMax: Int,
        _ continuation: CheckedContinuation<Outcome, Never>
    ) {
        self.prepared = prepared
        self.replyHeadMax = replyHeadMax
        self.continuation = continuation
    }

    func finish(_ outcome: Outcome) { continuation.resume(returning: outcome) }

    func reply(status: Int) -> HTTPClientReply {
        HTTPClientReply(status: status, headers: headers, body: body)
    }

    /// False when the reply is longer than it may be.
    func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= prepared.request.replyMax - body.count else {
            refusal = .replyTooLarge
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }

    /// One line of the head; a status line begins another head, as after 100 Continue.
    func take(headerLine bytes: UnsafeRawBufferPointer) -> Bool {
        headBytes += bytes.count
        guard headBytes <= replyHeadMax else {
            refusal = .headTooLarge
            return false
        }
        let line = unsafe String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            headers = []
        } else if let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) {
            let value = line[line.index(after: colon)...]
            headers.append((line[..<colon].lowercased(), Transfer.trimmed(value)))
        }
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        var bytes = text.utf8[...]
        while let byte = bytes.first, byte <= 0x20 { bytes.removeFirst() }
        while let byte = bytes.last, byte <= 0x20 { bytes.removeLast() }
        return String(Substring(bytes))
    }
}
