/// A label name, or one value of a label, that some series has: text, and who has it.
///
/// Names are pairs too, whose parent is `rootParent`; a value's parent is the pair of its name.
struct LabelPair {
    static let rootParent = UInt32.max
    /// Lists up to this length live in the slab.
    static let slabListMax = Slab.blockBytesMax / 4

    /// Who has it.
    ///
    /// For a value, its series: the one series itself (`capacity` 0), a block of the slab, or an address.
    /// For a name, its number among the names. Stands first, so that a lone series is a list of one at this address.
    var list: UInt64 = 0
    /// Of text and parent, to find the pair in the table.
    var hash: UInt32 = 0
    var parent: UInt32 = 0
    var text: BlockReference = 0
    var textLength: UInt32 = 0
    var count: UInt32 = 0
    /// Series the list has room for; 0 when the one series stands in `list`.
    var capacity: UInt32 = 0
    /// A value's place among the values of its name.
    var ordinal: UInt32 = 0
    /// False when series of lower number came after higher ones; sorted when next read.
    var isSorted = true
}
