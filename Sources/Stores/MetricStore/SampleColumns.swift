/// Timestamps and value bits side by side, with room for a fixed number: where chunks are packed and unpacked.
@safe
struct SampleColumns: ~Copyable {
    let times: UnsafeMutablePointer<Int64>
    let bits: UnsafeMutablePointer<UInt64>
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        unsafe times = .allocate(capacity: capacity)
        unsafe bits = .allocate(capacity: capacity)
        unsafe times.initialize(repeating: 0, count: capacity)
        unsafe bits.initialize(repeating: 0, count: capacity)
    }

    deinit {
        unsafe times.deallocate()
        unsafe bits.deallocate()
    }

    /// Sample `index`, which is within `capacity`.
    subscript(index: Int) -> (time: Int64, bits: UInt64) {
        get {
            precondition(index >= 0 && index < capacity)
            return unsafe (times[index], bits[index])
        }
        nonmutating set {
            precondition(index >= 0 && index < capacity)
            unsafe times[index] = newValue.time
            unsafe bits[index] = newValue.bits
        }
    }

    /// Moves samples `index..<count` one place up and puts one in their place; `count` is below `capacity`.
    func insert(time: Int64, bits value: UInt64, at index: Int, count: Int) {
        precondition(index >= 0 && index <= count && count < capacity)
        for place in stride(from: count, to: index, by: -1) {
            unsafe times[place] = times[place - 1]
            unsafe bits[place] = bits[place - 1]
        }
        self[index] = (time, value)
    }
}
