/// Why an action on an incident was refused.
package enum DispatchError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownIncident(IncidentID)
    case alreadyResolved(IncidentID)
    case snoozeOutOfRange(seconds: Int64, maxSeconds: Int64)
    case textTooLong(characters: Int, limit: Int)
    case textEmpty(String)

    package var description: String {
        switch self {
        case .unknownIncident(let id):
            "there is no incident \(id); `sloctl incident list --all` shows those that are kept"
        case .alreadyResolved(let id): "incident \(id) is resolved already"
        case .snoozeOutOfRange(let seconds, let most):
            "a snooze of \(seconds) s is out of range; give between 1 s and \(most / 3600) h"
        case .textTooLong(let characters, let limit):
            "the text has \(characters) characters (limit \(limit)); shorten it"
        case .textEmpty(let what): "the \(what) is empty; say it"
        }
    }
}
