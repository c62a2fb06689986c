import Configuration
import Model

/// What a person sees when the service has started: the page's address and what each source is doing.
enum StartupBanner {
    /// - Parameters:
    ///   - settings: Whose external address is shown when there is one.
    ///   - address: What is listened on.
    ///   - sources: Every source, on or off.
    /// - Returns: A line for the page and one for each source.
    static func text(
        _ settings: DaemonSettings,
        address: String,
        _ sources: [SourceStatus]
    ) -> String {
        var text = "Tocsin is up: \(settings.server.externalURL ?? "http://\(address)")/\n"
        let width = sources.map(\.name.count).max() ?? 0
        for source in sources.sorted(by: { $0.name < $1.name }) {
            let name = source.name + String(repeating: " ", count: width - source.name.count)
            text += "  \(name)  \(source.isOn ? "on" : "off")"
            text += source.advice.isEmpty ? "\n" : "  \(source.advice)\n"
        }
        return text
    }
}
