import Buffers
import Configuration
import DeployIngest

extension Daemon {
    /// Limits and secrets of the reports of deploys.
    ///
    /// - Throws: Which secret cannot be read.
    static func deploySettings(_ sources: DaemonSettings.Sources) throws -> DeploySettings {
        let configured = sources.deploys
        var settings = DeploySettings()
        settings.aheadMax = sources.maxClockSkew
        settings.githubSecret = try secret(
            configured.githubSecretFile,
            setting: "sources.deploys.github_secret_file"
        ).map { Array($0.utf8) }
        settings.token = try secret(configured.tokenFile, setting: "sources.deploys.token_file")
        settings.kept = configured.kept
        settings.standingsMax = configured.maxServices
        return settings
    }

    /// What a secret's file holds, without white space around it; nil when no file is named.
    ///
    /// - Throws: The path and the setting of a file that cannot be read or holds nothing.
    static func secret(_ path: String?, setting: String) throws -> String? {
        guard let path else { return nil }
        let text: String
        do {
            text = try WholeFile.text(at: path).trimmed
        } catch {
            throw DaemonError(
                "\(path) (\(setting)) cannot be read: \(error); check its path and mode"
            )
        }
        guard !text.isEmpty else {
            throw DaemonError("\(path) (\(setting)) is empty; write the secret into it")
        }
        return text
    }
}
