import MetricStore
import Model
import Telemetry
import TestSupport
import Timekeeping

// What reading columns from the store costs; best of several runs, in ns a series.
//
//   swift run -c release store-benchmark [series] [samples] [shards] [measurement]

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let benchmark = ColumnBenchmark(
    series: arguments.first ?? 100_000,
    samples: arguments.dropFirst().first ?? 120,
    shards: arguments.dropFirst(2).first ?? 1,
    only: CommandLine.arguments.dropFirst(4).first
)
try benchmark.run()
