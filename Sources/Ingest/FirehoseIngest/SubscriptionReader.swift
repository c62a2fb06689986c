import Model
import Timekeeping

/// Reads what a subscription of CloudWatch Logs sends: some events of one log stream.
///
/// - Source: CloudWatch Logs user guide, "Real-time processing of log data with subscriptions".
enum SubscriptionReader {
    /// A log event, and what it is known by when it comes again.
    struct Event {
        var record: LogRecord
        /// Nil when it has no id.
        var identity: UInt64?
    }

    /// True for an object of CloudWatch Logs rather than of a metric stream.
    static func isSubscription(_ members: [(name: String, value: LogValue)]) -> Bool {
        members.contains { $0.name == "messageType" }
    }

    /// Takes the events one by one; a control message, which only asks whether anybody is there, has none.
    static func read(
        _ members: [(name: String, value: LogValue)],
        arrival: Timestamp,
        _ take: (Result<Event, PointRefusal>) throws(FirehoseProblem) -> Void
    ) throws(FirehoseProblem) {
        func value(_ name: String) -> LogValue? { members.last { $0.name == name }?.value }
        let type = value("messageType")
        guard type != .string("CONTROL_MESSAGE") else { return }
        guard type == .string("DATA_MESSAGE"), case .array(let events)? = value("logEvents") else {
            return try take(
                .failure(
                    refusal(
                        "a message of type \(LabelSet.quoted(type?.text ?? "")) has no logEvents"
                    )
                )
            )
        }
        let shared = ["logGroup", "logStream", "owner"].compactMap { name in
            value(name).map { (name: name, value: $0) }
        }
        let group = value("logGroup")?.text ?? ""
        for event in events {
            guard case .object(let members) = event,
                case .string(let message)? = members.last(where: { $0.name == "message" })?.value
            else {
                try take(.failure(refusal("an event of log group \(group) has no message")))
                continue
            }
            var fields: [(name: String, value: LogValue)] = [("message", .string(message))]
            fields += shared
            if let extracted = members.last(where: { $0.name == "extractedFields" }) {
                fields.append(extracted)
            }
            let time = members.last { $0.name == "timestamp" }
                .flatMap { MetricUpdateReader.whole($0.value) }
            try take(
                .success(
                    Event(
                        record: LogRecord(
                            tag: group,
                            eventTime: time.map { Timestamp(milliseconds: $0) } ?? arrival,
                            arrivalTime: arrival,
                            fields: fields
                        ),
                        identity: identity(members, shared)
                    )
                )
            )
        }
    }

    private static func identity(
        _ members: [(name: String, value: LogValue)],
        _ shared: [(name: String, value: LogValue)]
    ) -> UInt64? {
        guard case .string(let id)? = members.last(where: { $0.name == "id" })?.value, !id.isEmpty
        else { return nil }
        var hasher = Hasher()
        hasher.combine(id)
        for (_, value) in shared { hasher.combine(value.text) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private static func refusal(_ reason: String) -> PointRefusal {
        PointRefusal(cause: "invalid_event", reason: reason)
    }
}
