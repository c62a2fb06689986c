import APIModel
import Buffers
import Glibc
import Telemetry
import Timekeeping

/// What the process uses, computed when somebody scrapes.
struct ProcessMetrics: Sendable {
    let startedAt: Timestamp

    var families: [MetricFamily] {
        var families = [
            gauge(
                "process_start_time_seconds",
                "Start time of the process since the Unix epoch in seconds.",
                startedAt.seconds
            ),
            MetricFamily(
                "tocsin_build_info",
                help: "1, labelled with the version.",
                kind: .gauge,
                points: [MetricPoint([("version", ProductVersion.version)], 1)]
            ),
        ]
        if let usage = ProcessMetrics.usage {
            families.append(
                MetricFamily(
                    "process_cpu_seconds",
                    help: "Total user and system CPU time spent in seconds.",
                    kind: .counter,
                    points: [MetricPoint([], usage.cpuSeconds)]
                )
            )
            families.append(
                gauge(
                    "process_resident_memory_bytes",
                    "Resident memory size in bytes.",
                    usage.residentBytes
                )
            )
        }
        return families
    }

    private func gauge(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
        MetricFamily(name, help: help, kind: .gauge, points: [MetricPoint([], value)])
    }

    /// From `/proc/self`; nil where there is none.
    private static var usage: (cpuSeconds: Double, residentBytes: Double)? {
        guard let stat = try? WholeFile.text(at: "/proc/self/stat"),
            let close = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let pages = Double(fields[21])
        else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return ((user + system) / ticks, pages * Double(sysconf(Int32(_SC_PAGESIZE))))
    }
}
