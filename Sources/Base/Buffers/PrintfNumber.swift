import Glibc

/// Numbers as C's `printf` writes them.
package enum PrintfNumber {
    /// With so many decimals, `%.2f`.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        text(value, verb: "f", precision: decimals)
    }

    /// With so many significant digits at most, `%.6g`: trailing zeros dropped, an exponent where it is shorter.
    package static func general(_ value: Double, digits: Int = 6) -> String {
        text(value, verb: "g", precision: digits)
    }

    /// One of the verbs e, E, f, F, g and G.
    ///
    /// - Parameters:
    ///   - value: Any number; infinities and NaN are written in C's way.
    ///   - verb: Another letter than those is taken for `g`.
    ///   - precision: From 0 to 100; what lies outside is brought inside.
    /// - Returns: The text.
    package static func text(_ value: Double, verb: Character, precision: Int) -> String {
        let letter: Character = "eEfFgG".contains(verb) ? verb : "g"
        let format = "%.\(max(0, min(precision, 100)))\(letter)"
        // The longest: a sign, 309 digits, a point, 100 decimals, and the terminator.
        return unsafe String(unsafeUninitializedCapacity: 512) { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
                unsafe withVaList([value]) {
                    unsafe max(
                        0,
                        Int(vsnprintf(characters.baseAddress, characters.count, format, $0))
                    )
                }
            }
        }
    }
}
