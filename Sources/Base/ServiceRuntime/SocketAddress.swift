import Glibc

/// An IPv4 or IPv6 address and port as the socket calls take it.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Empty, for the kernel to fill in.
    init() {}

    /// The address to listen on; of several that a name has, IPv4 first.
    init(_ address: ListenAddress, text: String, setting: String) throws(ListenError) {
        guard !address.host.isEmpty else {
            setAny(port: address.port, family: AF_INET6)
            return
        }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(address.host, String(address.port), &hints, &list)
        guard code == 0 else {
            let reason = unsafe String(cString: gai_strerror(code))
            throw .unresolved(text, reason: reason, setting: setting)
        }
        defer { unsafe freeaddrinfo(list) }
        var found = false
        var entry = unsafe list
        // The list is valid until `freeaddrinfo`; each address is no longer than the storage.
        while let current = unsafe entry {
            let family = unsafe current.pointee.ai_family
            if (family == AF_INET || family == AF_INET6) && (!found || family == AF_INET) {
                unsafe copy(current.pointee.ai_addr, current.pointee.ai_addrlen)
                found = true
                if family == AF_INET { break }
            }
            unsafe entry = current.pointee.ai_next
        }
        guard found else { throw .unresolved(text, reason: "no IP address", setting: setting) }
    }

    /// All addresses of a family; IPv6 takes IPv4 as well.
    init(anyPort port: UInt16, family: Int32) {
        setAny(port: port, family: family)
    }

    private mutating func setAny(port: UInt16, family: Int32) {
        storage.ss_family = sa_family_t(family)
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            // `sin_port` and `sin6_port` are at the same place; both any-addresses are zeros.
            unsafe bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        length = socklen_t(
            family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        )
    }

    private mutating func copy(_ address: UnsafePointer<sockaddr>?, _ count: socklen_t) {
        let source = unsafe UnsafeRawBufferPointer(start: address, count: Int(count))
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyMemory(from: source) }
        length = count
    }

    var family: Int32 { Int32(storage.ss_family) }

    var isAnyIPv6: Bool {
        unsafe withUnsafeBytes(of: storage) { bytes in
            unsafe family == AF_INET6 && bytes[8..<24].allSatisfy { $0 == 0 }
        }
    }

    /// Passes the address to a call that reads it.
    func withAddress<Result>(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafeBytes(of: storage) { bytes in
            // `sockaddr_storage` is made to be read as any `sockaddr`.
            let address = unsafe bytes.baseAddress.unsafelyUnwrapped
            return unsafe call(address.assumingMemoryBound(to: sockaddr.self), length)
        }
    }

    /// Passes room for an address to a call that writes it.
    mutating func fill<Result>(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var written = length
        let result = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            let address = unsafe bytes.baseAddress.unsafelyUnwrapped
            return unsafe call(address.assumingMemoryBound(to: sockaddr.self), &written)
        }
        length = written
        return result
    }

    var port: UInt16 {
        unsafe withUnsafeBytes(of: storage) { bytes in
            // `sin_port` and `sin6_port` are at the same place, in network order.
            UInt16(bigEndian: unsafe bytes.load(fromByteOffset: 2, as: UInt16.self))
        }
    }

    /// The address without the port.
    var peer: PeerAddress {
        let bytes = unsafe withUnsafeBytes(of: storage) { unsafe Array($0.prefix(24)) }
        return PeerAddress(
            bytes: family == AF_INET
                ? PeerAddress.mapped(Array(bytes[4..<8])) : Array(bytes[8..<24])
        )
    }

    /// `127.0.0.1:9467`, `[::1]:9467`; an IPv4 address that came over an IPv6 socket as IPv4.
    var text: String {
        let bytes = unsafe withUnsafeBytes(of: storage) { unsafe Array($0.prefix(28)) }
        if family == AF_INET {
            return "\(dotted(bytes[4..<8])):\(port)"
        }
        let address = bytes[8..<24]
        let mapped =
            address.prefix(10).allSatisfy { $0 == 0 } && address[18] == 255 && address[19] == 255
        if mapped { return "\(dotted(bytes[20..<24])):\(port)" }
        var room = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        unsafe address.withUnsafeBytes { source in
            _ = unsafe inet_ntop(AF_INET6, source.baseAddress, &room, socklen_t(room.count))
        }
        let host = String(
            decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        return "[\(host)]:\(port)"
    }

    private func dotted(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map(String.init).joined(separator: ".")
    }
}
