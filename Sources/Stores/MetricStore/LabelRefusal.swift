import Model

/// Why the labels of a series were refused.
struct LabelRefusal: Error {
    var cause: RefusalCause
    /// What is wrong and how to mend it.
    var message: String
}
