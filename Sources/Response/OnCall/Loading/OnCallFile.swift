import Buffers
import FoundationEssentials
package import Model
import Timekeeping
import YAML

/// Reads the on-call file; every problem is reported at once, with its place.
package struct OnCallFile {
    let file: String
    let problems = DiagnosticCollector()
    let text: TextExpansion
    let zones: ZoneLoader

    /// Reads and checks an on-call file.
    ///
    /// - Parameters:
    ///   - bytes: The file's content.
    ///   - file: Its name, for messages.
    ///   - environment: What `${NAME}` stands for in addresses and paths.
    ///   - zoneFolder: Where time zone data is.
    /// - Returns: A policy in which every name is known and every escalation reaches somebody.
    /// - Throws: Every problem of the file.
    package static func load(
        _ bytes: [UInt8],
        file: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        zoneFolder: String = TimeZoneRules.folder
    ) throws(DiagnosticList) -> OnCallPolicy {
        let root: YAMLNode
        do {
            root = try YAMLParser.parse(bytes, file: file)
        } catch {
            throw DiagnosticList(error.diagnostics)
        }
        let reader = OnCallFile(
            file: file,
            text: TextExpansion(environment: environment),
            zones: ZoneLoader(folder: zoneFolder)
        )
        return try reader.policy(root)
    }

    /// Reads and checks the on-call file at a path.
    ///
    /// - Throws: Every problem of the file, or that it cannot be read.
    package static func load(path: String) throws(DiagnosticList) -> OnCallPolicy {
        let bytes: [UInt8]
        do {
            bytes = try WholeFile.bytes(at: path)
        } catch {
            throw DiagnosticList([
                Diagnostic(
                    SourceLocation(file: path, line: 1, column: 1),
                    "cannot be read: \(error); check incidents.file and its permissions"
                )
            ])
        }
        return try load(bytes, file: path)
    }

    private init(file: String, text: TextExpansion, zones: ZoneLoader) {
        self.file = file
        self.text = text
        self.zones = zones
    }

    private func policy(_ root: YAMLNode) throws(DiagnosticList) -> OnCallPolicy {
        let map = MappingReader(root, "the on-call file", problems)
        let receivers = map.mappings("receivers", "a receiver").compactMap(receiver)
        let people = map.mappings("people", "a person").compactMap(person)
        let schedules = map.mappings("schedules", "a schedule").compactMap(schedule)
        let escalations = map.mappings("escalation", "an escalation").compactMap(escalation)
        let zone = schedules.first?.timeZone ?? people.first?.timeZone ?? .utc
        let hours = map.mapping("business_hours", "business_hours")
            .flatMap { businessHours($0, zone) }
        let flapping = map.mapping("flapping", "flapping").map(self.flapping)
        let routes = map.mapping("routes", "routes").map { route($0, isRoot: true) }
        let priorities = self.priorities(
            map.mapping("priorities", "priorities"),
            escalations: escalations,
            at: map.location
        )
        map.finish()
        var policy = OnCallPolicy(
            file: file,
            receivers: receivers,
            people: people,
            schedules: schedules,
            escalations: escalations,
            priorities: priorities,
            businessHours: hours ?? .usual(in: zone),
            flapping: flapping ?? .init(),
            routes: routes ?? Route(location: map.location)
        )
        let checker = OnCallChecker(policy: policy, problems: problems)
        checker.checkNames(receivers.map { ("receiver", $0.name, $0.location) })
        checker.checkNames(people.map { ("person", $0.name, $0.location) })
        checker.checkNames(schedules.map { ("schedule", $0.name, $0.location) })
        checker.checkNames(escalations.map { ("escalation", $0.name, $0.location) })
        checker.checkReferences()
        checker.checkReach()
        try problems.finish()
        policy.notes = checker.notes()
        return policy
    }

    // MARK: Parts shared by the readers

    /// The zone under `time_zone`; reports an unknown one with the nearest name.
    func timeZone(_ map: MappingReader, default other: TimeZoneRules? = nil) -> TimeZoneRules? {
        guard map.has("time_zone") else {
            if let other { return other }
            map.report("time_zone", "\(map.what) needs \"time_zone\", like Europe/Kyiv; add it")
            return nil
        }
        guard let name = map.string("time_zone") else { return nil }
        do {
            return try TimeZoneRules.load(name, folder: zones.folder)
        } catch {
            var message = "\(error)"
            if case .unknown = error, let near = zones.nearest(to: name) {
                message = "unknown time zone \"\(name)\"; did you mean \"\(near)\"?"
            }
            map.report("time_zone", message)
            return nil
        }
    }

    func wallTime(_ map: MappingReader, _ key: String) -> WallTime? {
        map.parsed(key, "a time like 09:00", WallTime.init(text:))
    }

    /// Text in which `${NAME}` is replaced; reports unknown names.
    func expanded(_ map: MappingReader, _ key: String, isRequired: Bool) -> String? {
        guard let raw = isRequired ? map.requiredString(key) : map.string(key) else { return nil }
        switch text.expand(raw) {
        case .success(let value): return value
        case .failure(let failure):
            map.report(key, failure.description)
            return nil
        }
    }
}
