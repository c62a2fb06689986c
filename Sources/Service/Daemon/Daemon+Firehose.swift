import CloudWatchIngest
import Configuration
import FirehoseIngest
import HTTPServer
import Ingest
import MetricStore

extension Daemon {
    /// What Firehose delivers to; none while `sources.firehose` is not set.
    ///
    /// - Throws: When the access keys cannot be read.
    func firehoseRoutes() throws -> [HTTPRoute] {
        guard let configured = settings.sources.firehose else { return [] }
        let (path, setting) = (configured.accessKeyFile, "sources.firehose.access_key_file")
        let keys: AccessKeys
        let text = try Daemon.secret(path, setting: setting) ?? ""
        do throws(AccessKeys.Problem) {
            keys = try AccessKeys(text)
        } catch {
            throw DaemonError("\(path) (\(setting)): \(error)")
        }
        let handler = FirehoseHandler(
            settings: FirehoseSettings(configured),
            keys: keys,
            doors: FirehoseHandler.Doors(
                samples: admission,
                records: admission,
                selection: pushSelection,
                store: store,
                coverage: pollers.isEmpty ? nil : pushCoverage
            ),
            sources: sources,
            clock: clock,
            metrics: metrics
        )
        return [handler.route]
    }
}

extension FirehoseSettings {
    /// What `sources.firehose` says to the handler.
    init(_ settings: DaemonSettings.Firehose) {
        self.init(
            bodyMax: settings.maxBodyBytes,
            decodedMax: settings.maxDecodedBytes,
            recordsMax: settings.maxRecords,
            recordBytesMax: settings.maxRecordBytes,
            unpackedMax: settings.maxUnpackedBytes,
            pointsMax: settings.maxPoints,
            depthMax: settings.maxDepth,
            dimensionsMax: settings.maxDimensions,
            metricsMax: settings.maxMetrics,
            logIDsMax: settings.logIDs,
            revisionWindow: settings.revisionWindow,
            fillsZeros: settings.fillZeros
        )
    }
}
