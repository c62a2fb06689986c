import Buffers
import Model
import Timekeeping

/// Keeps a job's groups of targets: those that are written down, and those that files and name servers tell.
///
/// What cannot be read leaves the groups of before in place. Used from one task at a time.
struct JobDiscovery: Sendable {
    /// How often files are looked at for a change.
    static let glance = Duration.seconds(5)

    private struct WatchedFile: Sendable {
        var stamp: FileStamp?
        var groups: [TargetGroup] = []
        var problem: String?
    }

    private struct NameState: Sendable {
        var groups: [TargetGroup] = []
        var problem: String?
    }

    private let job: ScrapeJob
    private let resolver: any NameResolving
    private var files: [String: WatchedFile] = [:]
    private var names: [String: NameState] = [:]
    /// When each file_sd and dns_sd config is due.
    private var fileDue: [Timestamp]
    private var nameDue: [Timestamp]
    private var glanceDue = Timestamp.distantPast

    init(_ job: ScrapeJob, resolver: any NameResolving) {
        self.job = job
        self.resolver = resolver
        fileDue = job.files.map { _ in .distantPast }
        nameDue = job.names.map { _ in .distantPast }
    }

    /// When something is due again; nil when everything is written down.
    var nextDue: Timestamp? {
        var due = nameDue
        if !job.files.isEmpty { due.append(glanceDue) }
        return due.min()
    }

    /// Every group that is known.
    var groups: [TargetGroup] {
        job.groups + files.sorted { $0.key < $1.key }.flatMap(\.value.groups)
            + names.sorted { $0.key < $1.key }.flatMap(\.value.groups)
    }

    /// What could not be read, each with its remedy.
    var problems: [String] {
        files.sorted { $0.key < $1.key }.compactMap(\.value.problem)
            + names.sorted { $0.key < $1.key }.compactMap(\.value.problem)
    }

    /// Reads and asks what is due; blocks on files and name servers.
    mutating func refresh(at now: Timestamp) {
        if !job.files.isEmpty, glanceDue <= now {
            glanceDue = now + JobDiscovery.glance
            refreshFiles(at: now)
        }
        for index in job.names.indices where nameDue[index] <= now {
            nameDue[index] = now + job.names[index].interval
            for name in job.names[index].names { ask(name, job.names[index], index) }
        }
    }

    // MARK: Files

    private mutating func refreshFiles(at now: Timestamp) {
        var found: Set<String> = []
        for index in job.files.indices {
            let readsAll = fileDue[index] <= now
            if readsAll { fileDue[index] = now + job.files[index].interval }
            for path in job.files[index].paths.flatMap(PathPattern.files) {
                found.insert(path)
                look(at: path, readsAll: readsAll)
            }
        }
        // As in Prometheus, the targets of a file that is gone are gone.
        files = files.filter { found.contains($0.key) }
    }

    private mutating func look(at path: String, readsAll: Bool) {
        let stamp = FileStamp(path: path)
        var file = files[path] ?? WatchedFile()
        guard readsAll || file.stamp != stamp else { return }
        file.stamp = stamp
        do {
            file.groups = try TargetFile.groups(at: path)
            file.problem = nil
        } catch {
            file.problem = error.reason
        }
        files[path] = file
    }

    // MARK: Names

    private mutating func ask(_ name: String, _ config: DNSDiscovery, _ index: Int) {
        let key = "\(index) \(name)"
        var state = names[key] ?? NameState()
        do {
            let records = try resolver.records(of: name, config.type)
            state.problem = nil
            state.groups = [
                TargetGroup(
                    targets: records.map { target($0, config) },
                    labels: [Label("__meta_dns_name", name)]
                )
            ]
        } catch {
            state.problem = error.reason
        }
        names[key] = state
    }

    private func target(_ record: DNSRecord, _ config: DNSDiscovery) -> [Label] {
        switch record {
        case .address(let address):
            let host = address.contains(":") ? "[\(address)]" : address
            return [Label("__address__", "\(host):\(config.port ?? 0)")]
        case .service(let host, let port):
            return [
                Label("__address__", "\(host):\(port)"),
                Label("__meta_dns_srv_record_target", host + "."),
                Label("__meta_dns_srv_record_port", "\(port)"),
            ]
        }
    }
}
