/// A sum with Neumaier's compensation, bit for bit as Prometheus adds.
struct CompensatedSum {
    var sum: Double
    var compensation = 0.0

    init(_ sum: Double = 0) { self.sum = sum }

    init(_ sum: Double, compensation: Double) {
        self.sum = sum
        self.compensation = compensation
    }

    @inline(__always)
    mutating func add(_ term: Double) {
        let total = sum + term
        if total.isInfinite {
            compensation = 0
        } else if sum.magnitude >= term.magnitude {
            compensation += (sum - total) + term
        } else {
            compensation += (term - total) + sum
        }
        sum = total
    }

    var value: Double { sum + compensation }
}

/// A mean of at least one value: the plain mean while the sum fits, then the incremental one.
struct CompensatedMean {
    private var total: CompensatedSum
    private var count = 1.0
    private var isIncremental = false

    init(_ first: Double) { total = CompensatedSum(first) }

    @inline(__always)
    mutating func add(_ term: Double) {
        count += 1
        if !isIncremental {
            var next = total
            next.add(term)
            guard next.sum.isInfinite else {
                total = next
                return
            }
            isIncremental = true
            total.sum /= count - 1
            total.compensation /= count - 1
        }
        let share = (count - 1) / count
        total.sum *= share
        total.compensation *= share
        total.add(term / count)
    }

    var value: Double {
        isIncremental ? total.value : total.sum / count + total.compensation / count
    }
}
