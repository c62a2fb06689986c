package import YAML

/// What loading rules may cost; past any of these the load is refused.
package struct RuleLoadLimits: Sendable {
    /// Files read in one load.
    package var filesMax: Int
    /// Folders within folders.
    package var folderDepthMax: Int
    /// Rules, thresholds and objectives of all files.
    package var rulesMax: Int
    /// What one file may cost.
    package var yaml: YAMLLimits

    package init(
        filesMax: Int = 2000,
        folderDepthMax: Int = 16,
        rulesMax: Int = 100_000,
        yaml: YAMLLimits = YAMLLimits(bytesMax: 32 << 20, nodesMax: 4_000_000)
    ) {
        self.filesMax = filesMax
        self.folderDepthMax = folderDepthMax
        self.rulesMax = rulesMax
        self.yaml = yaml
    }
}
