import Glibc

extension FileProblem {
    /// What kind of failure it is, for counters.
    package enum Cause: String, CaseIterable, Sendable {
        case noSpace = "no_space"
        case ioError = "io_error"
        case notAllowed = "not_allowed"
        case other
    }

    package var cause: Cause {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: .noSpace
        case EIO: .ioError
        case EACCES, EPERM, EROFS: .notAllowed
        default: .other
        }
    }

    /// What to do about it.
    package var advice: String {
        switch cause {
        case .noSpace: "make room on that disk or raise the quota"
        case .ioError: "the disk has errors: look at the kernel's log and move store.path"
        case .notAllowed: "let the service's user write there, or move store.path"
        case .other where code == EWOULDBLOCK: "another process has it open: stop that one first"
        case .other: "see errno(3)"
        }
    }

    package var description: String {
        "\(call) \(path): \(unsafe String(cString: strerror(code))) (errno \(code)); \(advice)"
    }
}
