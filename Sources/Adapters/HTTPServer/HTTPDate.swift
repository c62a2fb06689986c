import Timekeeping

/// The Date header's text, made once a second (RFC 9110 section 5.6.7).
struct HTTPDate: Sendable {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private var second = Int64.min
    private var text = ""

    mutating func text(at moment: Timestamp) -> String {
        let now = moment.floored(to: .seconds(1)).milliseconds
        if now != second {
            second = now
            text = HTTPDate.format(moment)
        }
        return text
    }

    private static func format(_ moment: Timestamp) -> String {
        let fields = moment.utc
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let year =
            String(repeating: "0", count: max(0, 4 - "\(fields.year)".count)) + "\(fields.year)"
        return "\(days[fields.weekday]), \(two(fields.day)) \(months[fields.month - 1]) \(year) "
            + "\(two(fields.hour)):\(two(fields.minute)):\(two(fields.second)) GMT"
    }
}
