import Glibc

/// How many files and sockets this process may have open.
package enum DescriptorLimit {
    /// Raises the soft limit to the hard one, which every process may do for itself.
    ///
    /// - Returns: The limit that holds now; nil when the kernel does not say.
    @discardableResult
    package static func raise() -> Int? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return nil
        }
        if limit.rlim_cur < limit.rlim_max {
            var wanted = limit
            wanted.rlim_cur = limit.rlim_max
            let code = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &wanted)
            if code == 0 { limit = wanted }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// What to say when the limit does not reach for what the settings allow.
    ///
    /// - Parameters:
    ///   - limit: What holds.
    ///   - connections: What the settings allow, all listeners together.
    ///   - reserved: Descriptors that everything else may take.
    /// - Returns: What and how to mend it; nil when the limit reaches.
    package static func warning(
        limit: Int,
        connections: Int,
        reserved: Int = 512
    ) -> String? {
        let needed = connections + reserved
        guard limit < needed else { return nil }
        return
            "at most \(limit) files and sockets may be open (ulimit -n), but the settings allow "
            + "\(connections) connections; raise the hard limit to \(needed) (LimitNOFILE= in a systemd unit, "
            + "ulimits in the container runtime) or lower max_connections"
    }
}
