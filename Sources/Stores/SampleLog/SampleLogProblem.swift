/// Why what is on disk cannot be used: what, where, how to go on.
package struct SampleLogProblem: Error, Sendable, CustomStringConvertible {
    package enum Reason: Sendable {
        /// The file system refused.
        case file(FileProblem)
        /// A file holds something else than was written.
        case corrupt(path: String, offset: Int, what: String)
        /// Another version, another kind of machine or another store wrote it.
        case foreign(path: String, what: String)
        /// Files that must be there are not.
        case missing(folder: String, what: String)
    }

    package var reason: Reason

    package init(_ reason: Reason) {
        self.reason = reason
    }

    /// Runs `body`; a failed call of it becomes a problem of the log.
    package static func wrapping<Result>(
        _ body: () throws(FileProblem) -> Result
    ) throws(SampleLogProblem) -> Result {
        do throws(FileProblem) {
            return try body()
        } catch {
            throw SampleLogProblem(.file(error))
        }
    }

    package var description: String {
        switch reason {
        case .file(let problem): "\(problem)"
        case .corrupt(let path, let offset, let what):
            "\(path) is damaged at byte \(offset): \(what); samples from there on cannot be trusted. "
                + "Restore the file from a copy of the disk, or set store.on_corruption to cut: "
                + "what came before is kept, the rest is put aside as *.damaged and senders fill the gap"
        case .foreign(let path, let what):
            "\(path): \(what); start the version that wrote it, or move the folder away to begin "
                + "without old samples"
        case .missing(let folder, let what):
            "\(folder): \(what); put the files back, or set store.on_corruption to cut to go on with "
                + "what is there"
        }
    }
}
