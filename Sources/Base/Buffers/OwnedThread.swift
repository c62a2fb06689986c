import CLinux
import Glibc

/// A POSIX thread that runs one function and is joined once.
package final class OwnedThread: Sendable {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    private let thread: pthread_t

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: For ps and gdb; the first 15 bytes are kept.
    ///   - run: The thread's whole life.
    package init(name: String, run: @escaping @Sendable () -> Void) {
        let body = unsafe Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                unsafe tocsin_name_thread(body.name)
                body.run()
                return nil
            },
            unsafe body.toOpaque()
        )
        // EAGAIN: the machine or the container allows no more threads; nothing can work without them.
        precondition(
            status == 0,
            "cannot start thread \(name): error \(status); raise the pids limit"
        )
        self.thread = thread
    }

    /// Blocks until the thread has returned; call once.
    package func join() {
        pthread_join(thread, nil)
    }
}
