import Testing

@testable import MetricStore

@Suite("Usage cache")
struct UsageCacheTests {
    @Test func whatWasUsedOnceGivesWay() {
        var cache = UsageCache<String, Int>(countMax: 100, costMax: 1000)
        for number in 0..<5 { cache.keep(number, for: "\(number)", cost: 150, at: 0) }
        // Two are asked for again, and stay whatever comes.
        for key in ["1", "3"] { #expect(cache.use(key, at: 1) == Int(key)) }
        for number in 10..<40 {
            let isKept = cache.keep(number, for: "\(number)", cost: 150, at: 2)
            #expect(isKept)
            #expect(cache.cost <= 1000)
        }
        #expect(cache.peek("1") == 1)
        #expect(cache.peek("3") == 3)
        #expect(cache.peek("0") == nil)
        // What does not fit beside them is not kept at all, and pushes nothing out.
        let isKept = cache.keep(99, for: "large", cost: 800, at: 3)
        #expect(!isKept)
        #expect(cache.peek("1") == 1)
        #expect(cache.peek("large") == nil)
    }

    @Test func whatNobodyAsksForIsDropped() {
        var cache = UsageCache<String, Int>(countMax: 100, costMax: 1000)
        cache.keep(1, for: "a", cost: 400, at: 0)
        cache.keep(2, for: "b", cost: 400, at: 0)
        _ = cache.use("a", at: 50)
        _ = cache.use("b", at: 70)
        cache.dropIdle(since: 60)
        #expect(cache.peek("a") == nil)
        #expect(cache.peek("b") == 2)
        #expect(cache.cost == 400)
        #expect(cache.count == 1)
    }

    @Test func valuesChangeInPlace() {
        var cache = UsageCache<String, [Int]>(countMax: 100, costMax: 1000)
        cache.keep([1], for: "a", cost: 10, at: 0)
        cache.keep([1, 2], for: "b", cost: 20, at: 0)
        cache.updateAll { list in
            guard list.count > 1 else { return nil }
            list.removeLast()
            return 10
        }
        #expect(cache.cost == 20)
        #expect(cache.peek("b") == [1])
        let taken = cache.take("b")
        #expect(taken?.uses == 1)
        #expect(cache.cost == 10)
        cache.keep([5], for: "b", cost: 30, uses: 4, at: 0)
        cache.keep([6], for: "b", cost: 40, at: 0)
        #expect(cache.cost == 50)
        #expect(cache.take("b")?.uses == 4)
    }

    @Test func theNumberOfValuesIsLimited() {
        var cache = UsageCache<Int, Int>(countMax: 8, costMax: 1000)
        for number in 0..<100 {
            cache.keep(number, for: number, cost: 1, at: Int64(number))
            #expect(cache.count <= 8)
            #expect(cache.peek(number) == number)
        }
        for key in 92..<100 { _ = cache.use(key, at: 100) }
        while cache.count < 8 { cache.keep(0, for: -cache.count, cost: 1, at: 100) }
    }
}
