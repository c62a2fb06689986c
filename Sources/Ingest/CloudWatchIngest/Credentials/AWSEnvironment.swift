import FoundationEssentials

/// Why a file could not be read.
package enum FileReadError: Error, Hashable, Sendable, CustomStringConvertible {
    case missing
    case unreadable(String)

    package var description: String {
        switch self {
        case .missing: "no such file"
        case .unreadable(let reason): reason
        }
    }
}

/// The process's surroundings that AWS settings come from, injected so that tests need none of them.
package struct AWSEnvironment: Sendable {
    package var variables: [String: String]
    package var readFile: @Sendable (_ path: String) throws(FileReadError) -> [UInt8]

    package init(
        variables: [String: String],
        readFile: @escaping @Sendable (_ path: String) throws(FileReadError) -> [UInt8]
    ) {
        self.variables = variables
        self.readFile = readFile
    }

    /// The process's own environment variables and files.
    package static func system() -> AWSEnvironment {
        AWSEnvironment(variables: ProcessInfo.processInfo.environment) {
            (path) throws(FileReadError) in
            guard FileManager.default.fileExists(atPath: path) else { throw .missing }
            guard let data = FileManager.default.contents(atPath: path) else {
                throw .unreadable("cannot be read; check its owner and mode")
            }
            return [UInt8](data)
        }
    }

    /// The value of a variable; nil when it is unset or empty.
    package subscript(name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A path below the home directory, as `~` would expand.
    package func homePath(_ path: String) -> String { (self["HOME"] ?? "") + "/" + path }
}
