/// The dispatcher's limits.
package struct DispatchSettings: Hashable, Sendable {
    /// Incidents open at once; past it new alerts join one incident for each priority.
    package var openMax: Int
    /// How long a resolved incident is kept on disk.
    package var keepResolved: Duration
    /// How long it is remembered which transitions of an alert were taken over.
    package var keepCursors: Duration
    /// The longest snooze.
    package var snoozeMax: Duration
    /// Characters of a note.
    package var noteCharactersMax: Int
    /// Characters of the name of whoever acts.
    package var nameCharactersMax: Int

    package init(
        openMax: Int = 5000,
        keepResolved: Duration = .seconds(400 * 86400),
        keepCursors: Duration = .seconds(7 * 86400),
        snoozeMax: Duration = .seconds(7 * 86400),
        noteCharactersMax: Int = 10_000,
        nameCharactersMax: Int = 200
    ) {
        self.openMax = openMax
        self.keepResolved = keepResolved
        self.keepCursors = keepCursors
        self.snoozeMax = snoozeMax
        self.noteCharactersMax = noteCharactersMax
        self.nameCharactersMax = nameCharactersMax
    }
}
