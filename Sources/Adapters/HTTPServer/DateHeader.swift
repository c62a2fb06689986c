import Timekeeping

/// The Date header's text, made once a second.
struct DateHeader: Sendable {
    private var second = Int64.min
    private var text = ""

    mutating func text(at moment: Timestamp) -> String {
        let now = moment.floored(to: .seconds(1)).milliseconds
        if now != second {
            second = now
            text = HTTPDate.text(moment)
        }
        return text
    }
}
