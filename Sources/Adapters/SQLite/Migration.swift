/// One step of a schema: the script that leads from version - 1 to version.
package struct Migration: Hashable, Sendable {
    /// Kept in `PRAGMA user_version`, counted from 1 without holes.
    ///
    /// A step that has shipped is never changed.
    package var version: Int
    /// Statements separated by semicolons.
    package var script: String

    package init(version: Int, script: String) {
        self.version = version
        self.script = script
    }
}
