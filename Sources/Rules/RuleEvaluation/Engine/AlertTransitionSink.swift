package import Model

/// Takes alert transitions over from the rules.
package protocol AlertTransitionSink: Sendable {
    /// Returns when the transitions are safe with the receiver: on disk, when it keeps any.
    ///
    /// After a crash a batch may come twice; `sequence` tells.
    ///
    /// - Parameter transitions: In the order they happened, `sequence` ascending.
    /// - Throws: When it could not take them; it gets all of them again later.
    func take(_ transitions: [AlertTransition]) async throws
}
