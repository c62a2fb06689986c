/// What one document may cost; past any of these it is refused.
package struct YAMLLimits: Sendable {
    /// Bytes of the file.
    package var bytesMax: Int
    /// Sequences and mappings within each other.
    package var depthMax: Int
    /// Nodes of the tree once aliases and merge keys are expanded.
    package var nodesMax: Int

    package init(bytesMax: Int = 4 << 20, depthMax: Int = 64, nodesMax: Int = 500_000) {
        self.bytesMax = bytesMax
        self.depthMax = depthMax
        self.nodesMax = nodesMax
    }
}
