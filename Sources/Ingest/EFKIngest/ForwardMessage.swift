package import Model

/// One message of the forward protocol, decoded.
package struct ForwardMessage: Sendable {
    package var tag: String
    package var records: [LogRecord]
    /// Entries that were no records; they are left out, since sending them again would not help.
    package var invalidEntries = 0
    /// The first of them in words.
    package var firstInvalid: String?
    /// The acknowledgement, ready to be sent; nil when the sender wants none.
    package var ack: [UInt8]?
    /// What makes it the same message when it is sent again; nil without a chunk id.
    package var identity: ChunkIdentity?
}

/// What one frame turned out to be.
package enum ForwardOutcome: Sendable {
    case message(ForwardMessage)
    /// A `nil`, which keeps a connection alive.
    case ignored
    /// Cannot be used and could not be used if it were sent again; acknowledged when it has a chunk id.
    case invalid(cause: String, reason: String, ack: [UInt8]?)
    /// Over a limit or in a form that is not spoken here; not acknowledged, so that the sender keeps it.
    case refused(cause: String, reason: String)
}
