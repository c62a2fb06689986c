/// The fixed part of a series: one cache line in the shard's array of heads.
///
/// Samples lie, oldest first, in sealed chunks and then in a ring of the newest as they are. After sealing the
/// ring's samples stay readable until they are overwritten, so `rawCount - unsealed` of them may be in the
/// last chunks as well.
struct SeriesHead {
    enum State {
        static let free: UInt8 = 0
        static let live: UInt8 = 1
        /// Nothing is held any more, but the index still knows the series; a sample revives it.
        static let expired: UInt8 = 2
    }

    /// Least possible when the series never had a sample.
    var lastTimestamp: Int64 = .min
    /// Bits of the newest value.
    var lastBits: UInt64 = 0
    /// What the ring's time offsets count from.
    var base: Int64 = 0
    /// The primary hash of the canonical label bytes, to find the series' entry in the alias table.
    var aliasHash: UInt64 = 0
    /// The newest sample, as an offset in ms from `base`, at which the samples do not simply rise: one less than
    /// the sample before, a staleness marker, or the newest when a late sample came; 0 when there was none.
    ///
    /// What it does not tell of samples at or before `base` is unknown.
    var lastBreak: UInt32 = 0
    /// The ring: `rawCapacity` slots; 0 when there is none.
    var raw: BlockReference = 0
    /// `chunkCount` chunks, oldest first; 0 when there is none.
    var directory: BlockReference = 0
    /// `labelCount` pair numbers, in order of label names.
    var labels: BlockReference = 0
    /// Whose series it is, as `SeriesSources` has it.
    var source: UInt16 = 0
    var chunkCount: UInt16 = 0
    var directoryCapacity: UInt16 = 0
    var labelCount: UInt8 = 0
    var rawCapacity: UInt8 = 0
    /// The slot of the oldest sample in the ring.
    var rawStart: UInt8 = 0
    var rawCount: UInt8 = 0
    /// How many of the ring's samples are in no chunk yet.
    var unsealed: UInt8 = 0
    /// The decimal exponent that fitted the last chunk.
    var exponent: UInt8 = 0
    /// Encodings other than the canonical one that the alias table knows.
    var aliasCount: UInt8 = 0
    var state = State.free
    /// The number of the series' retention class; 0: nothing is kept beyond the retention.
    var retention: UInt8 = 0
    /// 1 when the storage knows start timestamps of the series' samples, 0 when not.
    var hasStarts: UInt8 = 0

    /// Slots of a full-grown ring.
    ///
    /// Against 16, eight saves 90 bytes a series at 40 and at 120 samples; that chunks are packed again more
    /// often (2.5 times a sample instead of 1.5) could not be told from the noise of appending.
    static let ringMax = 8
    /// Rings grow by this many slots until they are full-grown.
    static let ringStep = 4
    /// Bytes of a slot: an offset in ms from `base` (four), a value (eight).
    static let slotBytes = 12
    /// Samples of a chunk when nothing was upserted; two such are then made one.
    static let chunkSamples = 32
    /// Samples that two chunks may have to be made one.
    static let pairedSamplesMax = 2 * chunkSamples + ringMax
    /// `base` lies this far before the first sample, so that late ones have offsets too.
    static let baseLead: Int64 = 1 << 31
    /// Bytes of a directory entry: the chunk's first second (four), the chunk (four).
    static let directoryEntryBytes = 8
    static let directoryMax = Slab.blockBytesMax / directoryEntryBytes - 1
}
