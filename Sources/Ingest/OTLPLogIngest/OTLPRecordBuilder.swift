import Model
import Timekeeping
import WireFormats

/// One log record of an export request while it is read.
///
/// The body becomes `message` when it is a text or a single value, and fields of the record when it is a map. Attributes of
/// the record, of its scope and of its resource stand beside them under their own names, in this order: the
/// first of a name is the one that is found.
struct OTLPRecordBuilder {
    /// What the records of one resource and scope share.
    struct Surroundings {
        var resource: [(name: String, value: LogValue)] = []
        var scope: [(name: String, value: LogValue)] = []

        /// The service's name, else `otlp`.
        var tag: String {
            for field in resource where field.name == "service.name" {
                if case .string(let name) = field.value, !name.isEmpty { return name }
            }
            return "otlp"
        }
    }

    var timeNanoseconds: UInt64 = 0
    var observedNanoseconds: UInt64 = 0
    var severityNumber: Int64 = 0
    var severityText = ""
    var body: LogValue?
    var attributes: [(name: String, value: LogValue)] = []
    var traceID = ""
    var spanID = ""
    var eventName = ""

    /// The record, dated by its event, else by when it was observed, else by its arrival.
    func record(
        in surroundings: Surroundings,
        tag: String,
        arrival: Timestamp
    ) -> LogRecord {
        var fields: [(name: String, value: LogValue)] = []
        fields.reserveCapacity(
            attributes.count + surroundings.scope.count + surroundings.resource.count + 6
        )
        switch body {
        case .object(let members)?: fields += members
        case .null?, nil: break
        case let value?: fields.append(("message", value))
        }
        let severity = severityText.isEmpty ? Self.severity(severityNumber) : severityText
        if !severity.isEmpty { fields.append(("severity", .string(severity))) }
        if severityNumber != 0 { fields.append(("severity_number", .integer(severityNumber))) }
        if !eventName.isEmpty { fields.append(("event_name", .string(eventName))) }
        if !traceID.isEmpty { fields.append(("trace_id", .string(traceID))) }
        if !spanID.isEmpty { fields.append(("span_id", .string(spanID))) }
        fields += attributes
        fields += surroundings.scope
        fields += surroundings.resource
        let nanoseconds = timeNanoseconds > 0 ? timeNanoseconds : observedNanoseconds
        return LogRecord(
            tag: tag,
            eventTime: nanoseconds > 0
                ? Timestamp(milliseconds: Int64(nanoseconds / 1_000_000)) : arrival,
            arrivalTime: arrival,
            fields: fields
        )
    }

    /// The short name of a severity number's range.
    ///
    /// - Source: OpenTelemetry logs data model, SeverityNumber.
    private static func severity(_ number: Int64) -> String {
        switch number {
        case 1...4: "TRACE"
        case 5...8: "DEBUG"
        case 9...12: "INFO"
        case 13...16: "WARN"
        case 17...20: "ERROR"
        case 21...24: "FATAL"
        default: ""
        }
    }
}

/// What one request may still take of depth and memory.
struct OTLPAllowance {
    /// Why a record is not read.
    enum Failure: Error {
        /// This record can never be taken; its neighbours may be.
        case rejected(String)
        case malformed(WireFormatError)
        /// The request as a whole takes more memory than it may.
        case overBudget
    }

    let depthMax: Int
    private var budget: Int

    init(depthMax: Int, budget: Int) {
        self.depthMax = depthMax
        self.budget = budget
    }

    mutating func charge(_ bytes: Int) throws(Failure) {
        budget -= bytes
        guard budget >= 0 else { throw .overBudget }
    }

    func check(depth: Int) throws(Failure) {
        guard depth <= depthMax else {
            throw .rejected("it is nested deeper than \(depthMax) levels")
        }
    }
}
