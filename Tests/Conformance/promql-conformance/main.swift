import Foundation
import PromQLConformance

/// Evaluates every promql-cases/1 file below a folder: one JSON line a case on standard output.
func run() -> Int32 {
    var arguments = CommandLine.arguments.dropFirst()
    let dropsNamesAtOnce = arguments.first == "--names-at-once"
    if dropsNamesAtOnce { arguments.removeFirst() }
    guard let path = arguments.first, arguments.count == 1 else {
        let usage = "usage: promql-conformance [--names-at-once] FOLDER\n"
        FileHandle.standardError.write(Data(usage.utf8))
        return 64
    }
    let folder = URL(fileURLWithPath: path)
    do {
        let count = try ConformanceReport.run(
            below: folder,
            dropsNamesAtOnce: dropsNamesAtOnce
        ) { print($0) }
        FileHandle.standardError.write(Data("\(count) cases\n".utf8))
        return count > 0 ? 0 : 1
    } catch {
        FileHandle.standardError.write(Data("\(folder.path): \(error)\n".utf8))
        return 1
    }
}

exit(run())
