/// The profiles of AWS's shared `config` and `credentials` files.
///
/// Source: "Configuration and credential file settings". In `config` a section is `[profile name]` or
/// `[default]`, in `credentials` it is `[name]`; keys of `credentials` win. Indented lines (service
/// sub-settings) are passed over, and a value runs to the end of its line.
package struct SharedProfiles: Sendable {
    /// Settings by profile name, keys in lower case.
    package var profiles: [String: [String: String]]
    /// Where was looked, for errors.
    package var paths: [String]

    /// The profile that is used when none is named: `AWS_PROFILE`, `AWS_DEFAULT_PROFILE`, `default`.
    package var selected: String

    /// Reads both files; a file that is missing counts as empty.
    package init(_ environment: AWSEnvironment) throws(CredentialsError) {
        let credentialsPath =
            environment["AWS_SHARED_CREDENTIALS_FILE"] ?? environment.homePath(".aws/credentials")
        let configPath = environment["AWS_CONFIG_FILE"] ?? environment.homePath(".aws/config")
        paths = [credentialsPath, configPath]
        selected =
            environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
        profiles = try Self.read(configPath, environment, isConfig: true)
        for (name, settings) in try Self.read(credentialsPath, environment, isConfig: false) {
            profiles[name, default: [:]].merge(settings) { _, new in new }
        }
    }

    private static func read(
        _ path: String,
        _ environment: AWSEnvironment,
        isConfig: Bool
    ) throws(CredentialsError) -> [String: [String: String]] {
        let bytes: [UInt8]
        do {
            bytes = try environment.readFile(path)
        } catch .missing {
            return [:]
        } catch {
            throw CredentialsError(link: "shared profile", reason: "\(path): \(error)")
        }
        return try parse(String(decoding: bytes, as: UTF8.self), path: path, isConfig: isConfig)
    }

    static func parse(
        _ text: String,
        path: String,
        isConfig: Bool
    ) throws(CredentialsError) -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        var section: String?
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else {
                continue
            }
            if first == "[" {
                guard let close = line.firstIndex(of: "]") else {
                    throw CredentialsError(
                        link: "shared profile",
                        reason: "\(path):\(number): the section has no ]"
                    )
                }
                let title = line[line.index(after: line.startIndex)..<close].trimmed
                section = profileName(title, isConfig: isConfig)
                if let section, found[section] == nil { found[section] = [:] }
            } else if let equals = line.firstIndex(of: "=") {
                guard let section else { continue }
                let key = line[..<equals].trimmed.lowercased()
                found[section, default: [:]][key] = line[line.index(after: equals)...].trimmed
            } else {
                throw CredentialsError(
                    link: "shared profile",
                    reason: "\(path):\(number): expected a section or key = value"
                )
            }
        }
        return found
    }

    /// The profile a section title names; nil for other sections (`sso-session x`, `services x`).
    private static func profileName(_ title: String, isConfig: Bool) -> String? {
        guard isConfig, title != "default" else { return title }
        let words = title.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        guard words.count == 2, words[0] == "profile" else { return nil }
        let name = words[1].trimmed
        guard name.count >= 2, let quote = name.first, quote == "\"" || quote == "'",
            name.last == quote
        else { return name }
        return String(name.dropFirst().dropLast())
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var text = self
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
