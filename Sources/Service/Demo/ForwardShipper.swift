import ServiceRuntime
import Telemetry
import Timekeeping
import WireFormats

/// Ships access-log lines by the forward protocol, as Fluent Bit on a node would.
struct ForwardShipper: ~Copyable {
    private let address: String
    private var stream: OutgoingStream?
    private var pending: [[UInt8]] = []
    private var isDown = false

    /// Messages kept while the receiver is away; the oldest go first.
    private static let pendingMax = 200

    init(address: String) {
        self.address = address
        stream = nil
    }

    /// Sends the lines of one tick, those that waited first.
    mutating func ship(_ requests: [ShopRequest], at time: Timestamp, log: Log) {
        guard !requests.isEmpty else { return }
        pending.append(ForwardShipper.message(requests, at: time))
        if pending.count > ForwardShipper.pendingMax { pending.removeFirst() }
        do {
            if stream == nil { stream = try OutgoingStream(to: address) }
            while let next = pending.first {
                try stream?.send(next)
                pending.removeFirst()
            }
            if isDown { log.info("the log shipper is connected", ["to": address]) }
            isDown = false
        } catch {
            stream = nil
            if !isDown {
                log.info("the log shipper waits for the forward port", ["reason": "\(error)"])
            }
            isDown = true
        }
    }

    /// Forward mode: `[tag, [[time, record], ...], {}]`, times as EventTime.
    static func message(_ requests: [ShopRequest], at time: Timestamp) -> [UInt8] {
        let seconds = UInt32(time.milliseconds / 1000)
        let nanoseconds = UInt32(time.milliseconds % 1000) * 1_000_000
        var eventTime: [UInt8] = []
        for word in [seconds, nanoseconds] {
            eventTime += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
        }
        var writer = MessagePackWriter()
        writer.array(3)
        writer.string("kube.var.log.containers.shop-7d9f.log")
        writer.array(requests.count)
        for request in requests {
            writer.array(2)
            writer.extended(type: 0, eventTime)
            writer.map(3)
            writer.string("log")
            writer.string(line(request))
            writer.string("stream")
            writer.string("stdout")
            writer.string("kubernetes")
            writer.map(3)
            for (name, value) in [
                ("namespace_name", "production"), ("pod_name", "shop-7d9f"),
                ("container_name", "nginx"),
            ] {
                writer.string(name)
                writer.string(value)
            }
        }
        writer.map(0)
        return writer.bytes
    }

    /// The access log's JSON format, as AlertRules/app-from-logs.yaml reads it.
    private static func line(_ request: ShopRequest) -> String {
        let milliseconds = Int((request.seconds * 1000).rounded())
        let decimals = String(1000 + milliseconds % 1000).dropFirst()
        return "{\"status\":\(request.status),\"method\":\"\(request.method)\","
            + "\"path\":\"\(request.path)\",\"request_time\":\(milliseconds / 1000).\(decimals)}"
    }
}
