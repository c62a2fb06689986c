import CLinux

/// What a descriptor is ready for, or is asked to report.
package struct Readiness: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// Both directions are shut or the peer reset; always reported.
    package static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue)
    /// An error waits on the descriptor; always reported.
    package static let failure = Readiness(rawValue: EPOLLERR.rawValue)
}

/// Whoever owns a descriptor that an `EventLoop` watches; called on the loop's thread only.
package protocol ReadinessHandler: AnyObject {
    /// The descriptor is ready; level-triggered, so what is left undone is reported again.
    func ready(_ readiness: Readiness)

    /// The loop stops and watches no more: close the descriptor.
    func loopStopped()
}
