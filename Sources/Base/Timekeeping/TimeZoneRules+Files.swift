import Glibc

extension TimeZoneRules {
    /// Where systems keep their time zone data.
    package static let folder = "/usr/share/zoneinfo"

    /// Bytes of a zone's file that are read at most; the largest of today has 4 kB.
    private static let fileBytesMax = 1 << 20

    /// The zone of an IANA name, from the system's data; `UTC` needs none.
    package static func load(
        _ name: String,
        folder: String = TimeZoneRules.folder
    ) throws(Failure) -> TimeZoneRules {
        guard name != "UTC" else { return .utc }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
        guard isPlain, !name.isEmpty, !name.hasPrefix("/") else { throw .unknown(name: name) }
        guard let bytes = contents(of: folder + "/" + name) else {
            guard contents(of: folder + "/Etc/UTC") != nil else { throw .noData(folder: folder) }
            throw .unknown(name: name)
        }
        return try TimeZoneRules(name: name, tzif: bytes)
    }

    /// The bytes of a regular file; nil when there is none, or it is too long.
    private static func contents(of path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 8192)
        while bytes.count <= fileBytesMax {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress, buffer.count)
            }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
        return nil
    }
}
