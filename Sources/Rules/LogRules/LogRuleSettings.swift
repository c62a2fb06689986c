/// Limits on what a rule remembers.
package struct LogRuleSettings: Hashable, Sendable {
    /// Keys of a rule; over it the one that was silent longest is forgotten.
    package var keysMax: Int
    /// Moments in one window; over it the oldest two become one.
    package var entriesMax: Int
    /// Different values a key, and of all keys of a `new_term` rule; over it the oldest is forgotten.
    package var valuesMax: Int
    /// How often changed windows are saved; what a killed process forgets of them is no older.
    package var saveInterval: Duration
    /// Lines kept for each alert.
    package var linesMax: Int
    /// Bytes of each.
    package var lineBytesMax: Int
    /// Alerts of a rule that fire at once; more are counted and not raised.
    package var alertsMax: Int
    /// Transitions that wait for the incidents at most.
    package var queueMax: Int

    package init(
        keysMax: Int = 10_000,
        entriesMax: Int = 10_000,
        valuesMax: Int = 100_000,
        saveInterval: Duration = .seconds(5),
        linesMax: Int = 10,
        lineBytesMax: Int = 1024,
        alertsMax: Int = 1000,
        queueMax: Int = 10_000
    ) {
        self.keysMax = keysMax
        self.entriesMax = entriesMax
        self.valuesMax = valuesMax
        self.saveInterval = saveInterval
        self.linesMax = linesMax
        self.lineBytesMax = lineBytesMax
        self.alertsMax = alertsMax
        self.queueMax = queueMax
    }
}
