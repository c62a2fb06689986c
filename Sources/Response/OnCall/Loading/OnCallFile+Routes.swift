import Matching
import Model
import YAML

extension OnCallFile {
    /// Alertmanager's keys that mean something this version does not do.
    private static let unsupported = [
        "group_wait": "incidents are sent at once",
        "group_interval": "changes are sent at once",
        "repeat_interval": "repetition is the escalation's, see repeat and repeat_after",
        "mute_time_intervals": "use hours: waking in priorities",
        "active_time_intervals": "use hours: waking in priorities",
        "match": "write it as matchers: [name=\"value\"]",
        "match_re": "write it as matchers: [name=~\"pattern\"]",
    ]

    func route(_ map: MappingReader, isRoot: Bool, parent: Route? = nil) -> Route {
        let matchers = map.strings("matchers").flatMap { text -> [LabelMatcher] in
            switch MatcherText.parse(text) {
            case .success(let matchers): return matchers
            case .failure(let failure):
                map.report("matchers", "\(failure)")
                return []
            }
        }
        if isRoot, !matchers.isEmpty {
            map.report(
                "matchers",
                "the root takes every alert; put matchers into one of its routes"
            )
        }
        let receiver = map.string("receiver")
        let escalation = map.string("escalation")
        let grouping = map.has("group_by") ? grouping(map) : nil
        let continues = map.bool("continue") ?? false
        for (key, advice) in OnCallFile.unsupported where map.has(key) {
            problems.report(map.keyLocation(key), "\"\(key)\" is not supported; \(advice)")
        }
        var route = Route(
            matchers: matchers,
            receiver: receiver ?? parent?.receiver,
            grouping: grouping ?? parent?.grouping ?? .byAlert,
            escalation: escalation ?? parent?.escalation,
            continues: continues,
            location: map.location
        )
        let children = map.mappings("routes", "a route")
        if isRoot {
            route.routes = children.map { self.route($0, isRoot: false, parent: route) }
        } else if !children.isEmpty {
            map.report("routes", "routes go one level deep; write these beside this one")
        }
        map.finish()
        return route
    }

    private func grouping(_ map: MappingReader) -> Route.Grouping {
        let names = map.strings("group_by")
        return names.contains("...") ? .byAlert : .byLabels(names)
    }
}
