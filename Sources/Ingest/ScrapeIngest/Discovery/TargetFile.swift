import Buffers
import Model
import YAML

/// Why a file of targets cannot be used.
struct TargetFileProblem: Error {
    var reason: String
}

/// Files of `file_sd_configs`: YAML or JSON, a list of groups.
enum TargetFile {
    static let bytesMax = 64 << 20

    /// The groups of a file; an empty file has none.
    static func groups(at path: String) throws(TargetFileProblem) -> [TargetGroup] {
        let bytes: [UInt8]
        do {
            bytes = try WholeFile.bytes(at: path, bytesMax: bytesMax)
        } catch {
            throw TargetFileProblem(
                reason: "cannot read the targets in \(path): \(error); check the path and its mode"
            )
        }
        return try groups(in: bytes, path: path)
    }

    static func groups(in bytes: [UInt8], path: String) throws(TargetFileProblem) -> [TargetGroup] {
        let problems = DiagnosticCollector()
        do {
            // JSON is YAML, as far as such files go.
            let root = try YAMLParser.parse(bytes, file: path)
            if root.isNull { return [] }
            guard let items = root.items else {
                throw TargetFileProblem(
                    reason: "\(root.location): the file must hold a list of groups, each with "
                        + "\"targets\" and \"labels\", not \(root.inWords)"
                )
            }
            let groups = items.map { item in
                let map = MappingReader(item, "a group of targets", problems)
                defer { map.finish() }
                return TargetGroupReader.read(map, labels: [Label("__meta_filepath", path)])
            }
            try problems.finish()
            return groups
        } catch let problem as TargetFileProblem {
            throw problem
        } catch {
            throw TargetFileProblem(reason: "\(error)")
        }
    }
}
