import CLinux

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's instruction where it has one.
package enum Checksum {
    private static let hasInstruction = tocsin_has_crc32c() != 0

    /// The checksum of `bytes`, which all must be readable.
    ///
    /// - Parameters:
    ///   - bytes: Any number, none too.
    ///   - seed: Another seed gives another checksum: a record that lies where another belongs is found out.
    /// - Returns: The checksum.
    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard hasInstruction else { return unsafe bySoftware(bytes, seed: seed) }
        return unsafe ~tocsin_crc32c(~seed, bytes.baseAddress, bytes.count)
    }

    /// The same without the instruction: slicing by eight (Kounavis and Berry, 2005).
    static func bySoftware(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        var crc = ~seed
        var offset = 0
        unsafe tables.withUnsafeBufferPointer { table in
            while offset &+ 8 <= bytes.count {
                let word = unsafe UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                )
                let mixed = word ^ UInt64(crc)
                crc = 0
                for byte in 0..<8 {
                    let index = Int(truncatingIfNeeded: (mixed >> UInt64(8 * byte)) & 0xff)
                    crc ^= unsafe table[(7 - byte) * 256 + index]
                }
                offset += 8
            }
            while offset < bytes.count {
                let index = unsafe Int(UInt8(truncatingIfNeeded: crc) ^ bytes[offset])
                crc = unsafe table[index] ^ (crc >> 8)
                offset += 1
            }
        }
        return ~crc
    }

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
            tables[byte] = crc
        }
        for slice in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(slice - 1) * 256 + byte]
                tables[slice * 256 + byte] = (before >> 8) ^ tables[Int(before & 0xff)]
            }
        }
        return tables
    }()
}
