import CRE2

/// Why a pattern was refused.
package struct PatternError: Error, Hashable, CustomStringConvertible {
    package let pattern: String
    /// RE2's own words.
    package let reason: String

    package var description: String { "invalid regular expression \"\(pattern)\": \(reason)" }
}

/// A compiled RE2 pattern: matches in time linear in the text, whatever the pattern.
///
/// Immutable after compiling; RE2 objects may be used from any thread at once.
@safe
package final class Pattern: @unchecked Sendable {
    // Sendable: the handle is set once in init, freed in deinit, and RE2's const methods are thread-safe.
    private let handle: OpaquePointer
    package let text: String

    /// Bytes RE2 may use for one compiled pattern and its automaton cache.
    package static let memoryMax: Int64 = 8 << 20

    /// Compiles `pattern` (RE2 syntax, UTF-8).
    ///
    /// - Parameters:
    ///   - pattern: The expression; `dotMatchesNewline` makes `.` match a line feed too, as PromQL 3 does.
    ///   - dotMatchesNewline: Off for log patterns, on for label matchers.
    /// - Throws: `PatternError` with RE2's reason.
    package init(_ pattern: String, dotMatchesNewline: Bool = false) throws(PatternError) {
        var bytes = pattern
        let compiled = bytes.withUTF8 { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe tocsin_re2_new(
                    text.baseAddress,
                    text.count,
                    dotMatchesNewline,
                    Pattern.memoryMax
                )
            }
        }
        guard let compiled = unsafe compiled else {
            throw PatternError(pattern: pattern, reason: "out of memory")
        }
        unsafe handle = compiled
        text = pattern
        if let message = unsafe tocsin_re2_error(compiled) {
            throw PatternError(pattern: pattern, reason: unsafe String(cString: message))
        }
    }

    deinit { unsafe tocsin_re2_free(handle) }

    /// The number of capture groups, the whole match not counted.
    package var groupCount: Int { unsafe Int(tocsin_re2_groups(handle)) }

    /// The name of capture group `index` (1-based); nil when it has none.
    package func groupName(_ index: Int) -> String? {
        unsafe tocsin_re2_group_name(handle, Int32(index)).map { unsafe String(cString: $0) }
    }

    /// True when the whole of `text` matches.
    package func matchesWhole(_ text: String) -> Bool {
        var bytes = text
        return bytes.withUTF8 { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe tocsin_re2_full_match(handle, text.baseAddress, text.count)
            }
        }
    }

    /// True when the whole of `bytes` (UTF-8) matches.
    package func matchesWhole(_ bytes: Span<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe tocsin_re2_full_match(handle, text.baseAddress, text.count)
            }
        }
    }

    /// True when some part of `bytes` (UTF-8) matches.
    package func isFound(in bytes: Span<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe tocsin_re2_match(handle, text.baseAddress, text.count, 0, false, nil, 0)
            }
        }
    }

    /// Byte offsets of a match and its groups: element 0 is the whole match; nil for a group that took no part.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text.
    ///   - start: Where to begin looking, in bytes.
    ///   - whole: True: the pattern must match all of the text; false: anywhere.
    /// - Returns: Nil when nothing matches.
    package func groups(
        in bytes: Span<UInt8>,
        from start: Int = 0,
        whole: Bool = false
    ) -> [Range<Int>?]? {
        let count = groupCount + 1
        var offsets = [Int64](repeating: -1, count: count * 2)
        let found = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe tocsin_re2_match(
                    handle,
                    text.baseAddress,
                    text.count,
                    start,
                    whole,
                    &offsets,
                    Int32(count)
                )
            }
        }
        guard found else { return nil }
        return (0..<count).map { index in
            offsets[2 * index] < 0
                ? nil : Int(offsets[2 * index])..<Int(offsets[2 * index + 1])
        }
    }
}
