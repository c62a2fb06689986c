import Foundation

/// Runs a Python program against the packages that the tests compare with.
///
/// The interpreter is `$TOCSIN_PYTHON`, the project's `.venv`, or a `venv` beside the checkout; without one,
/// or without the packages, the caller says that it skips and goes on.
package enum PythonTool {
    /// What a run left behind.
    package struct Outcome: Sendable {
        package var status: Int32
        package var output: String
        package var errors: String
    }

    /// The interpreter that has all of `packages`; nil when there is none.
    package static func interpreter(with packages: [String]) -> String? {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let candidates = [
            ProcessInfo.processInfo.environment["TOCSIN_PYTHON"] ?? "",
            root.appending(path: ".venv/bin/python3").path,
            root.appending(path: "../venv/bin/python3").standardized.path,
        ]
        let imports = packages.map { "import \($0)" }.joined(separator: "\n")
        return candidates.first { path in
            guard !path.isEmpty, FileManager.default.isExecutableFile(atPath: path) else {
                return false
            }
            return (try? run(path, ["-c", imports]))?.status == 0
        }
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - executable: A path.
    ///   - arguments: Handed on as they are.
    ///   - input: For its standard input.
    ///   - environment: Added to this process's own.
    /// - Returns: Its exit status and all it wrote.
    /// - Throws: When it cannot be started.
    package static func run(
        _ executable: String,
        _ arguments: [String],
        input: String = "",
        environment: [String: String] = [:]
    ) throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "tocsin-test-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Files instead of pipes: no reader has to keep up with the program.
        let paths = ["in", "out", "err"].map { folder.appending(path: $0) }
        try Data(input.utf8).write(to: paths[0])
        try Data().write(to: paths[1])
        try Data().write(to: paths[2])
        let process = Process()
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: paths[0])
        process.standardOutput = try FileHandle(forWritingTo: paths[1])
        process.standardError = try FileHandle(forWritingTo: paths[2])
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            output: String(decoding: try Data(contentsOf: paths[1]), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: paths[2]), as: UTF8.self)
        )
    }
}
