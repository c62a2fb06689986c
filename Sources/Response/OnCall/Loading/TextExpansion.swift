/// Replaces `${NAME}` by the environment's value.
struct TextExpansion {
    /// A name that the environment does not have, or braces that do not close.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let environment: [String: String]

    func expand(_ text: String) -> Result<String, Failure> {
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                return .failure(Failure(description: "\"${\" without \"}\"; close it"))
            }
            let name = String(rest[..<end])
            guard let value = environment[name] else {
                return .failure(
                    Failure(
                        description: "the environment has no \(name); set it or write the value"
                    )
                )
            }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return .success(result + rest)
    }
}
