import APIModel
import FoundationEssentials

extension Terminal {
    /// Prints a document as JSON for people and programs.
    func outputJSON(_ document: some Encodable) throws(CommandFailure) {
        do {
            let data = try APIJSON.encode(document, isPretty: true)
            output(String(decoding: data, as: UTF8.self) + "\n")
        } catch {
            throw CommandFailure(code: .failed, message: "cannot write JSON: \(error)")
        }
    }
}
