/// What one call of `/v1/logs` may take; each is told when it is hit.
package struct LogLimits: Hashable, Sendable {
    /// Records of a call that names no limit.
    package var recordsDefault = 100
    /// Records at most.
    package var recordsMax = 5000
    /// Bytes of records in an answer; what does not fit any more is left out, and that is said.
    package var answerBytesMax = 16 << 20
    /// How long a call may search when it names no `timeout`.
    package var timeDefault: Duration = .seconds(5)
    /// How long at most.
    package var timeMax: Duration = .seconds(30)
    /// How long a call may wait for records to arrive.
    package var waitMax: Duration = .seconds(60)
    /// Calls that wait at once; one more is told to come again.
    package var waitersMax = 100
    /// Texts, patterns and conditions of each kind.
    package var termsMax = 20
    /// Bytes of each of them.
    package var termBytesMax = 4096
    /// The least time between two searches of a call that waits.
    package var pause: Duration = .milliseconds(50)

    package init() {}
}
