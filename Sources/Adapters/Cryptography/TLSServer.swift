import Buffers
package import ServiceRuntime
import Synchronization

/// TLS for a listener, with certificates that may be renewed while it runs.
package final class TLSServer: Sendable {
    /// What a look at the files found.
    package enum Refresh: Hashable, Sendable {
        case unchanged
        /// New connections have the new certificate; open ones keep theirs.
        case renewed
        /// The files have changed and cannot be used; the certificate of before stays.
        case failed(TLSFilesError)
    }

    private struct Loaded {
        var context: TLSServerContext
        var stamps: [FileStamp?]
    }

    private let files: TLSServerFiles
    private let loaded: Mutex<Loaded>

    /// Loads the files.
    package init(_ files: TLSServerFiles) throws(TLSFilesError) {
        self.files = files
        // Before loading: a change meanwhile is seen the next time.
        let stamps = TLSServer.stamps(files)
        loaded = Mutex(
            Loaded(context: try TLSServerContext(files), stamps: stamps)
        )
    }

    private static func stamps(_ files: TLSServerFiles) -> [FileStamp?] {
        ([files.certificate, files.key] + (files.clientAuthorities.map { [$0] } ?? [])).map {
            FileStamp(path: $0)
        }
    }

    /// Loads the files again when one of them has changed.
    package func refresh() -> Refresh {
        let stamps = TLSServer.stamps(files)
        guard stamps != loaded.withLock({ $0.stamps }) else { return .unchanged }
        do {
            let context = try TLSServerContext(files)
            loaded.withLock { $0 = Loaded(context: context, stamps: stamps) }
            return .renewed
        } catch {
            // Said once for each change.
            loaded.withLock { $0.stamps = stamps }
            return .failed(error)
        }
    }

    /// When the certificate in use ends, in seconds since 1970.
    package var expiresAt: Int64 { loaded.withLock { $0.context.expiresAt } }

    /// The TLS of one new connection; nil when OpenSSL has no memory for it.
    package func makeStream() -> (any StreamSecurity)? {
        loaded.withLock { $0.context }.makeStream()
    }
}
