import CLinux
import Glibc
import Synchronization

/// A thread of the service's own, joined once by whoever started it.
package final class ServiceThread: Sendable {
    private struct Body {
        var name: String
        var run: @Sendable () -> Void
    }

    /// Carries the closure through `pthread_create`'s pointer.
    private final class Box: Sendable {
        let body: Body
        init(_ body: Body) { self.body = body }
    }

    private let handle: Mutex<pthread_t?>

    /// Starts `body` on a new thread; `name` (15 bytes are kept) is what ps and gdb show.
    package init(
        name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(SystemCallError) {
        var thread = pthread_t()
        let box = Box(Body(name: name, run: body))
        // The new thread takes over the one reference that `passRetained` makes.
        let context = unsafe Unmanaged.passRetained(box)
        let code = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                let body = unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body
                unsafe tocsin_name_thread(body.name)
                body.run()
                return nil
            },
            context.toOpaque()
        )
        guard code == 0 else {
            unsafe context.release()
            throw SystemCallError("pthread_create", code: code)
        }
        handle = Mutex(thread)
    }

    /// Returns when the body has returned; a second call returns at once.
    ///
    /// Never call it on the thread itself.
    package func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        guard let thread else { return }
        let code = pthread_join(thread, nil)
        precondition(code == 0, "pthread_join: errno \(code)")
    }
}
