import CLinux

/// Gives memory that the allocator keeps for later back to the kernel, once a burst of work is over.
///
/// Bodies and batches are freed by other threads than their own; what they leave behind is a tenth of a small
/// store and would stay resident.
struct FreedMemory {
    private var hasWorked = false
    private var isOwed = false

    /// Something was done that leaves memory behind.
    mutating func noteWork() { hasWorked = true }

    /// Call once a second; a second without work is the end of a burst.
    mutating func tick() {
        if hasWorked {
            hasWorked = false
            isOwed = true
        } else if isOwed {
            isOwed = false
            malloc_trim(0)
        }
    }
}
