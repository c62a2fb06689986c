import Glibc

/// Anonymous memory reserved at one address; pages take up room only once they are written.
@safe
struct MappedRegion: ~Copyable {
    /// The first byte; page-aligned, `byteCount` bytes are readable, writable and zero until written.
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    /// Reserves `byteCount` bytes of address space.
    init(reserving byteCount: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        // Reserving costs no memory; where even that is refused nothing can be stored at all.
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            fatalError(
                "cannot reserve \(byteCount) bytes of address space for the metric store; "
                    + "raise ulimit -v, set vm.overcommit_memory to 0 or 1, or lower store.max_memory"
            )
        }
        unsafe base = mapped
        self.byteCount = byteCount
    }

    deinit {
        unsafe munmap(base, byteCount)
    }

    /// Gives the memory of whole pages back to the system; they read as zero afterwards.
    func discard(offset: Int, byteCount: Int) {
        precondition(offset >= 0 && byteCount >= 0 && offset + byteCount <= self.byteCount)
        unsafe madvise(base + offset, byteCount, Int32(MADV_DONTNEED))
    }
}
