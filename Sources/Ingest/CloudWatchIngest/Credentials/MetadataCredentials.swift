import FoundationEssentials
import Timekeeping

/// The JSON in which container and instance endpoints hand out keys.
struct MetadataCredentials: Decodable {
    var code: String?
    var message: String?
    var accessKeyID: String?
    var secretAccessKey: String?
    var token: String?
    var expiration: String?
    var accountID: String?

    enum CodingKeys: String, CodingKey {
        case code = "Code"
        case message = "Message"
        case accessKeyID = "AccessKeyId"
        case secretAccessKey = "SecretAccessKey"
        case token = "Token"
        case expiration = "Expiration"
        case accountID = "AccountId"
    }

    /// Reads a reply's body.
    static func credentials(
        _ body: [UInt8],
        link: String,
        source: String
    ) throws(CredentialsError) -> AWSCredentials {
        let reply: MetadataCredentials
        do {
            reply = try JSONDecoder().decode(MetadataCredentials.self, from: Data(body))
        } catch {
            throw CredentialsError(link: link, reason: "the reply is not the JSON of credentials")
        }
        if let code = reply.code, code != "Success" {
            throw CredentialsError(
                link: link,
                reason: "\(code): \(reply.message ?? "no message")",
                isTransient: true
            )
        }
        guard let id = reply.accessKeyID, let secret = reply.secretAccessKey else {
            throw CredentialsError(
                link: link,
                reason: "the reply holds no AccessKeyId and SecretAccessKey"
            )
        }
        return AWSCredentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: reply.token,
            expiration: reply.expiration.flatMap { Timestamp(rfc3339: $0) },
            source: source,
            accountID: reply.accountID
        )
    }
}
