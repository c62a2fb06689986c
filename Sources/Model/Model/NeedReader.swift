/// A rule or an objective, as one that reads series which somebody pays for.
package struct NeedReader: Hashable, Sendable {
    /// `db/DBCPU`: the group's name and the rule's.
    package var name: String
    /// The most urgent that the rule, or one that reads what it records, can raise.
    package var priority: Priority

    package init(name: String, priority: Priority) {
        self.name = name
        self.priority = priority
    }
}
