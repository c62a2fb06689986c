/// The limits and times of delivery.
package struct PagingSettings: Hashable, Sendable {
    /// For one try, connecting included.
    package var tryTimeout: Duration
    package var retries: RetrySchedule
    /// Failed tries of a P1 or P2 call after which its second channel starts.
    package var failuresBeforeSecondChannel: Int
    /// Time without delivery after which it starts too.
    package var secondChannelAfter: Duration
    /// How long a page is tried before it is dead.
    package var giveUpAfter: Duration
    /// Messages sent at once.
    package var concurrentMax: Int
    /// Messages sent to one receiver at once.
    package var concurrentPerReceiverMax: Int
    /// Bytes of an answer that are read.
    package var replyBytesMax: Int
    /// How long settled pages and their tries are kept.
    package var keepSettled: Duration

    package init(
        tryTimeout: Duration = .seconds(5),
        retries: RetrySchedule = RetrySchedule(),
        failuresBeforeSecondChannel: Int = 3,
        secondChannelAfter: Duration = .seconds(20),
        giveUpAfter: Duration = .seconds(86400),
        concurrentMax: Int = 16,
        concurrentPerReceiverMax: Int = 4,
        replyBytesMax: Int = 64 << 10,
        keepSettled: Duration = .seconds(30 * 86400)
    ) {
        self.tryTimeout = tryTimeout
        self.retries = retries
        self.failuresBeforeSecondChannel = failuresBeforeSecondChannel
        self.secondChannelAfter = secondChannelAfter
        self.giveUpAfter = giveUpAfter
        self.concurrentMax = concurrentMax
        self.concurrentPerReceiverMax = concurrentPerReceiverMax
        self.replyBytesMax = replyBytesMax
        self.keepSettled = keepSettled
    }
}
