import Glibc

/// What happens to the demo's web shop, second by second: calm, a rush, a slow database, recovery.
struct Story: Sendable {
    /// The traffic of a moment.
    struct Scene: Hashable, Sendable {
        var caption: String
        var requestsPerSecond: Double
        /// The middle of the latency distribution, in seconds.
        var medianSeconds: Double
        /// The share of requests that fail with 5xx.
        var errorRatio: Double
    }

    /// Latencies spread as a log-normal distribution: the 99th percentile is 3.2 medians.
    static let spread = 0.5

    /// Scenes with the second each begins at, in order.
    private static let scenes: [(from: Double, scene: Scene)] = [
        (
            0,
            Scene(
                caption: "calm: 150 requests a second, p99 about 180 ms",
                requestsPerSecond: 150,
                medianSeconds: 0.055,
                errorRatio: 0
            )
        ),
        (
            6,
            Scene(
                caption: "a rush: traffic doubles, p99 passes 300 ms (warn)",
                requestsPerSecond: 320,
                medianSeconds: 0.12,
                errorRatio: 0.002
            )
        ),
        (
            13,
            Scene(
                caption: "the database slows: p99 passes 500 ms (crit), 5xx burn the error budget",
                requestsPerSecond: 320,
                medianSeconds: 0.26,
                errorRatio: 0.04
            )
        ),
        (
            38,
            Scene(
                caption: "recovery: the database is back",
                requestsPerSecond: 160,
                medianSeconds: 0.05,
                errorRatio: 0
            )
        ),
    ]

    /// The scene at a number of seconds since the start; the last one goes on.
    func scene(at seconds: Double) -> Scene {
        Story.scenes.last { $0.from <= seconds }?.scene ?? Story.scenes[0].scene
    }
}

/// One request to the demo's web shop.
struct ShopRequest: Hashable, Sendable {
    var method: String
    var path: String
    var status: Int
    var seconds: Double
}

extension Story.Scene {
    /// Requests of a span of time, drawn from this scene.
    func requests(
        over span: Duration,
        using random: inout some RandomNumberGenerator
    ) -> [ShopRequest] {
        let expected =
            requestsPerSecond * Double(span.components.attoseconds) * 1e-18
            + requestsPerSecond * Double(span.components.seconds)
        let count = Int(expected + Double.random(in: 0..<1, using: &random))
        return (0..<count).map { _ in
            let fails = Double.random(in: 0..<1, using: &random) < errorRatio
            let strays = Double.random(in: 0..<1, using: &random) < 0.01
            return ShopRequest(
                method: Double.random(in: 0..<1, using: &random) < 0.8 ? "GET" : "POST",
                path: ["/", "/cart", "/checkout", "/search"].randomElement(using: &random) ?? "/",
                status: fails ? 502 : strays ? 404 : 200,
                seconds: latency(using: &random)
            )
        }
    }

    /// A log-normal latency by the Box-Muller transform.
    private func latency(using random: inout some RandomNumberGenerator) -> Double {
        let first = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &random)
        let second = Double.random(in: 0..<1, using: &random)
        let normal = (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
        return medianSeconds * exp(Story.spread * normal)
    }
}
