package import Timekeeping

/// Keys that sign requests to AWS; printing them never shows a secret.
package struct AWSCredentials: Hashable, Sendable {
    package var accessKeyID: String
    package var secretAccessKey: String
    /// Sent as `x-amz-security-token`; nil for long-lived keys.
    package var sessionToken: String?
    /// Nil when the keys do not expire.
    package var expiration: Timestamp?
    /// Where the keys are from, in words: `environment`, `web identity arn:aws:iam::1:role/x`.
    package var source: String
    /// The twelve digits of the account, when the source says so for certain.
    package var accountID: String?

    package init(
        accessKeyID: String,
        secretAccessKey: String,
        sessionToken: String? = nil,
        expiration: Timestamp? = nil,
        source: String,
        accountID: String? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
        self.source = source
        self.accountID = accountID
    }

    /// `source` and time left, for logs and the status page; no part of any key.
    package func summary(at now: Timestamp) -> String {
        guard let expiration else { return "\(source), does not expire" }
        let left = max(.zero, expiration - now)
        return "\(source), expires in \(Duration.seconds(left.milliseconds / 1000).prometheusText)"
    }
}

extension AWSCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "AWSCredentials(source: \(source), keys withheld)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["source": source]) }
}

/// The account in an ARN such as `arn:aws:iam::123456789012:role/x`; nil when it has none.
package func accountID(ofARN arn: String) -> String? {
    let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 6, parts[0] == "arn", parts[4].utf8.count == 12,
        parts[4].utf8.allSatisfy({ $0 >= 48 && $0 <= 57 })
    else { return nil }
    return String(parts[4])
}
