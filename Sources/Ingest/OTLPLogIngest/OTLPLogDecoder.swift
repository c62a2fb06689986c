package import Timekeeping

/// Takes export requests apart.
package struct OTLPLogDecoder: Sendable {
    /// How a request is written down.
    package enum Encoding: Hashable, Sendable {
        case protobuf, json
    }

    private let settings: OTLPLogSettings

    package init(settings: OTLPLogSettings) {
        self.settings = settings
    }

    /// Takes a request apart.
    ///
    /// - Parameters:
    ///   - body: An `ExportLogsServiceRequest`, decompressed.
    ///   - encoding: Of the body.
    ///   - arrival: Stands for the time of records that do not say theirs.
    /// - Returns: All log records, those that are nested too deep left out and counted.
    /// - Throws: Why nothing of the request can be taken.
    package func decode(
        _ body: Span<UInt8>,
        _ encoding: Encoding,
        arrival: Timestamp
    ) throws(OTLPLogProblem) -> OTLPLogBatch {
        do throws(OTLPAllowance.Failure) {
            switch encoding {
            case .protobuf:
                var reader = OTLPProtobufReader(settings: settings, arrival: arrival)
                try reader.read(body)
                return reader.batch
            case .json:
                var reader = OTLPJSONReader(settings: settings, arrival: arrival)
                try reader.read(body)
                return reader.batch
            }
        } catch {
            switch error {
            case .malformed(let error): throw .malformed("\(error)")
            case .rejected(let reason): throw .malformed(reason)
            case .overBudget:
                throw .tooLarge(
                    "the log records would take more than \(settings.decodedMax) bytes of memory; send "
                        + "fewer at once (send_batch_max_size), or raise "
                        + "sources.http_ingest.otlp_max_decoded"
                )
            }
        }
    }
}
