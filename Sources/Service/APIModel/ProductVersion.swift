/// What this program is.
package enum ProductVersion {
    package static let product = "Tocsin"
    /// Semantic version of the release this source leads to.
    package static let version = "0.1.0"
}
