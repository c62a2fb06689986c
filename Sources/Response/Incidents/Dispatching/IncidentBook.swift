import Model
import OnCall
import Timekeeping

/// The incidents that can still change, with the ways to find them: a value, so that a decision is made on a
/// copy and kept only when it is on disk.
struct IncidentBook {
    private(set) var incidents: [IncidentID: Incident] = [:]
    private(set) var cursors: [String: AlertCursor] = [:]
    /// The incident that an alert was last part of, by fingerprint.
    private var byAlert: [String: IncidentID] = [:]
    /// The newest incident of a dedup key.
    private var byKey: [ByteText: IncidentID] = [:]
    private(set) var unresolvedCount = 0

    init() {}

    init(incidents: [Incident], cursors: [AlertCursor]) {
        for incident in incidents { put(incident) }
        for cursor in cursors { self.cursors[cursor.fingerprint] = cursor }
    }

    mutating func put(_ incident: Incident) {
        let before = incidents.updateValue(incident, forKey: incident.id)
        unresolvedCount +=
            (incident.state == .resolved ? 0 : 1)
            - (before.map { $0.state == .resolved ? 0 : 1 } ?? 0)
        let key = ByteText(incident.dedupKey)
        if isHolder(incident, insteadOf: byKey[key]) { byKey[key] = incident.id }
        for alert in incident.alerts where isHolder(incident, insteadOf: byAlert[alert.fingerprint])
        {
            byAlert[alert.fingerprint] = incident.id
        }
    }

    /// An open incident holds its key and its alerts, then the newer one: a closed incident whose alerts go on
    /// may still be told of while another has taken them over.
    private func isHolder(_ incident: Incident, insteadOf holder: IncidentID?) -> Bool {
        guard let holder, holder != incident.id, let other = incidents[holder] else { return true }
        let isOpen = incident.state != .resolved
        let otherIsOpen = other.state != .resolved
        return isOpen == otherIsOpen ? incident.id > other.id : isOpen
    }

    mutating func put(_ cursor: AlertCursor) { cursors[cursor.fingerprint] = cursor }

    func incident(ofAlert fingerprint: String) -> Incident? {
        byAlert[fingerprint].flatMap { incidents[$0] }
    }

    func incident(ofKey key: String) -> Incident? { byKey[ByteText(key)].flatMap { incidents[$0] } }

    /// Forgets resolved incidents that nothing can reopen any more, and old cursors.
    ///
    /// An incident that a person resolved while its alerts fire is kept: it still learns how they end.
    mutating func forget(resolvedBefore moment: Timestamp, cursorsBefore: Timestamp) {
        for incident in incidents.values {
            guard let resolvedAt = incident.resolvedAt, resolvedAt < moment,
                incident.alerts.allSatisfy({ !$0.isFiring })
            else { continue }
            incidents[incident.id] = nil
            let key = ByteText(incident.dedupKey)
            if byKey[key] == incident.id { byKey[key] = nil }
            for alert in incident.alerts where byAlert[alert.fingerprint] == incident.id {
                byAlert[alert.fingerprint] = nil
            }
        }
        cursors = cursors.filter { $0.value.at >= cursorsBefore || byAlert[$0.key] != nil }
    }
}
