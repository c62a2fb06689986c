/// Why a connection is over.
package enum CloseReason: Hashable, Sendable {
    /// The handler asked for it, by `close` or `closeWhenSent`.
    case requested
    /// The peer reset the connection or is gone.
    case failed(SystemCallError)
    /// The handler left more bytes unread than `TCPConnectionSettings.leftoverMax`.
    case leftoverTooLong
    /// The peer did not take what was left to send within the time of `closeWhenSent`.
    case outputStalled
    /// The encryption could not be set up or is broken: what happened and how to mend it.
    case insecure(String)
    /// The event loop stopped.
    case loopStopped
}

/// What a server does with one TCP connection; every call comes on the loop's thread, one at a time.
///
/// The order is: `received` any number of times, then at most one `inputEnded`, and exactly one `closed`,
/// after which nothing comes. `deadlinePassed` may come at any point before `closed`.
package protocol ConnectionHandler: AnyObject {
    /// Bytes have come; returns how many of them the handler took.
    ///
    /// The rest is kept and offered again, in front of what comes next, or after `resumeReading`. A handler
    /// of large messages should take everything and keep its own buffer, since an offer of the same
    /// bytes starts from their beginning. The span is gone when the call returns.
    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int

    /// The peer will send no more but may still read: answer what is open, then `closeWhenSent()`.
    func inputEnded(on connection: TCPConnection)

    /// `connection.deadline` is past; it is nil now. Set another or close.
    func deadlinePassed(on connection: TCPConnection)

    /// The connection is over and its descriptor closed; nothing more can be sent.
    func closed(_ reason: CloseReason, on connection: TCPConnection)
}
