package import FoundationEssentials

/// The one way the API and its clients write and read JSON: snake case, keys sorted, slashes plain.
package enum APIJSON {
    /// Encodes a document; `isPretty` for people.
    package static func encode(_ document: some Encodable, isPretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return try encoder.encode(document)
    }

    /// Decodes a document.
    package static func decode<Document: Decodable>(
        _ type: Document.Type,
        from data: Data
    ) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: data)
    }
}
