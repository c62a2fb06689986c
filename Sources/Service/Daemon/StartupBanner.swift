import Configuration
import Model

/// What a person sees when the service has started: the page's address and what each source is doing.
enum StartupBanner {
    static func text(_ settings: DaemonSettings, _ sources: [SourceStatus]) -> String {
        var text = "Tocsin is up: \(settings.server.linkBase)/\n"
        let width = sources.map(\.name.count).max() ?? 0
        for source in sources.sorted(by: { $0.name < $1.name }) {
            let name = source.name + String(repeating: " ", count: width - source.name.count)
            text += "  \(name)  \(source.isOn ? "on" : "off")"
            text += source.advice.isEmpty ? "\n" : "  \(source.advice)\n"
        }
        return text
    }
}
