import Glibc

/// A system call that failed: which one, and what the kernel said.
package struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
    package var call: String
    /// The value of `errno`.
    package var code: Int32

    package init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The kernel's words for the code, as `strerror` gives them.
    package var reason: String { unsafe String(cString: strerror(code)) }

    package var description: String { "\(call): \(reason) (errno \(code))" }
}
