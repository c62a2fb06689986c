import Foundation
import PromQLConformance

/// Evaluates every promql-cases/1 file below a folder: one JSON line a case on standard output.
func run() -> Int32 {
    guard CommandLine.arguments.count == 2 else {
        FileHandle.standardError.write(Data("usage: promql-conformance FOLDER\n".utf8))
        return 64
    }
    let folder = URL(fileURLWithPath: CommandLine.arguments[1])
    do {
        let count = try ConformanceReport.run(below: folder) { print($0) }
        FileHandle.standardError.write(Data("\(count) cases\n".utf8))
        return count > 0 ? 0 : 1
    } catch {
        FileHandle.standardError.write(Data("\(folder.path): \(error)\n".utf8))
        return 1
    }
}

exit(run())
