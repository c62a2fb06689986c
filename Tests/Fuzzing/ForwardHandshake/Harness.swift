import Cryptography
import EFKIngest
import WireFormats

private let key = Array("secret".utf8)
private let nonce = [UInt8](0..<16)
private let authSalt = [UInt8](16..<32)
private let user = Array("web".utf8)
private let password = Array("word".utf8)

private func handshake(nonce: [UInt8]) -> ForwardHandshake {
    ForwardHandshake(
        demand: .init(key: key, passwords: [user: password]),
        hostName: "tocsin",
        nonce: nonce,
        authSalt: authSalt,
        keepsAlive: true
    )
}

private func isAccepted(_ bytes: [UInt8], nonce: [UInt8] = nonce) -> Bool {
    switch handshake(nonce: nonce).judge(bytes.span, 0..<bytes.count) {
    case .accepted(let reply):
        precondition(reply.count > 128, "an accepted client gets our proof")
        return true
    case .refused(let reply, let refusal):
        precondition(reply.count > refusal.reason.utf8.count, "a refused client is told why")
        return false
    }
}

/// Bytes of a stranger are never accepted; those of one who knows key and password always are, whatever host and
/// salt it chooses, but not on another connection.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    precondition(!isAccepted(input), "a stranger was accepted")
    let cut = Int(input[0]) % count
    let (host, salt) = (Array(input[..<cut]), Array(input[cut...]))
    let digest = Hexadecimal.encode(Digest.sha512(salt + host + nonce + key))
    var login = Array(Hexadecimal.encode(Digest.sha512(authSalt + user + password)).utf8)
    func ping() -> [UInt8] {
        var writer = MessagePackWriter()
        writer.array(6)
        writer.string("PING")
        writer.string(bytes: host)
        writer.string(bytes: salt)
        writer.string(digest)
        writer.string(bytes: user)
        writer.string(bytes: login)
        return writer.bytes
    }
    precondition(isAccepted(ping()), "one who knows was refused")
    precondition(!isAccepted(ping(), nonce: authSalt), "a replay was accepted")
    login[count % login.count] ^= 1
    precondition(!isAccepted(ping()), "a wrong password was accepted")
    return 0
}
