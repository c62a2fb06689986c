import Buffers

/// Numbers as people read them: fixed decimals, grouped digits, never `-0.0%` or NaN.
enum NumberText {
    /// What stands for a value nobody knows.
    static let unknown = "unknown"

    /// `0.994118` as `99.4118%`, with the given decimals.
    static func percent(_ ratio: Double?, decimals: Int) -> String {
        guard let ratio else { return unknown }
        return fixed(ratio * 100, decimals) + "%"
    }

    /// A ratio as a percentage with as many decimals as it needs: `99.9%`, `99.95%`.
    static func shortPercent(_ ratio: Double) -> String {
        var text = fixed(ratio * 100, 6)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text + "%"
    }

    static func fixed(_ value: Double, _ decimals: Int) -> String {
        let text = PrintfNumber.fixed(value, decimals: decimals)
        // A small negative number rounds to a zero that must not bear a sign.
        return text.hasPrefix("-") && !text.contains { ("1"..."9").contains($0) }
            ? String(text.dropFirst()) : text
    }

    /// `41233018` as `41,233,018`.
    static func grouped(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// Seconds as `17m48s`, `2h10m`, `3d4h`.
    static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.magnitude.rounded())
        let sign = seconds < 0 && whole > 0 ? "-" : ""
        let units = [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]
        guard let first = units.firstIndex(where: { whole >= $0.1 }) else { return "0s" }
        let (name, width) = units[first]
        var text = "\(sign)\(whole / width)\(name)"
        if first + 1 < units.count {
            let (nextName, nextWidth) = units[first + 1]
            let rest = whole % width / nextWidth
            if rest > 0 { text += "\(rest)\(nextName)" }
        }
        return text
    }

    /// Seconds as the largest unit with one decimal: `3.6d`, `10.3h`.
    static func roughDuration(_ seconds: Double) -> String {
        switch seconds {
        case 86400...: "\(fixed(seconds / 86400, 1))d"
        case 3600...: "\(fixed(seconds / 3600, 1))h"
        case 60...: "\(fixed(seconds / 60, 0))m"
        default: "\(fixed(max(0, seconds), 0))s"
        }
    }
}
