package import Model
package import Timekeeping

/// Somebody who can be notified.
package struct Person: Hashable, Sendable {
    package var name: String
    package var timeZone: TimeZoneRules
    /// Names of receivers; the first is the way to reach the person, the next is the second channel.
    package var contact: [String]
    /// When notifications with `hours: waking` may come.
    package var waking: DailyHours
    package var location: SourceLocation

    package init(
        name: String,
        timeZone: TimeZoneRules,
        contact: [String],
        waking: DailyHours,
        location: SourceLocation
    ) {
        self.name = name
        self.timeZone = timeZone
        self.contact = contact
        self.waking = waking
        self.location = location
    }
}
