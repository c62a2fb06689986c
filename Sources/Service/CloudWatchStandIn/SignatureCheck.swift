import CloudWatchIngest
import Cryptography
import HTTPClient
import HTTPServer
import Timekeeping

/// A key pair that the stand-in accepts.
package struct StandInKey: Hashable, Sendable {
    package var accessKeyID: String
    package var secretAccessKey: String
    /// Required of every request when there is one.
    package var sessionToken: String?

    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

/// Verifies Signature Version 4 of a request as AWS does.
struct SignatureCheck {
    let keys: [StandInKey]
    /// How far a request's date may be from the server's clock.
    static let skewMax = Duration.seconds(300)

    func verify(_ request: HTTPRequest, at now: Timestamp) throws(StandInRefusal) {
        guard let header = request.header("authorization") else {
            throw StandInRefusal(
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
                status: 403
            )
        }
        let fields = try Self.fields(header)
        guard let scope = fields["Credential"]?.split(separator: "/"), scope.count == 5,
            let signature = fields["Signature"],
            let names = fields["SignedHeaders"]?.split(separator: ";").map(String.init)
        else {
            throw StandInRefusal(
                "IncompleteSignature",
                "Authorization header requires Credential, SignedHeaders and Signature."
            )
        }
        guard
            let key = keys.first(where: { ConstantTime.areEqual($0.accessKeyID, String(scope[0])) })
        else {
            throw StandInRefusal(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                status: 403
            )
        }
        guard let date = request.header("x-amz-date"), let time = Self.time(date) else {
            throw StandInRefusal(
                "IncompleteSignature",
                "Authorization header requires existence of X-Amz-Date."
            )
        }
        guard scope[1] == date.prefix(8), scope[3] == "monitoring", scope[4] == "aws4_request"
        else {
            throw mismatch("Credential should be scoped to correct service: 'monitoring'.")
        }
        for required in ["host", "x-amz-date"] where !names.contains(required) {
            throw mismatch("'\(required)' must be a signed header.")
        }
        guard abs((now - time).milliseconds) <= Self.skewMax.milliseconds else {
            let word = time < now ? "Signature expired" : "Signature not yet current"
            throw mismatch("\(word): \(date) is too far from \(RequestSigner.amzDate(now)).")
        }
        if let token = key.sessionToken {
            guard let given = request.header("x-amz-security-token"),
                ConstantTime.areEqual(given, token)
            else {
                throw StandInRefusal(
                    "UnrecognizedClientException",
                    "The security token included in the request is invalid.",
                    status: 403
                )
            }
        }
        var signed = HTTPClientRequest(
            method: request.method,
            url: "http://\(request.header("host") ?? "")\(request.path)",
            body: request.body
        )
        signed.headers = request.headers.filter { names.contains($0.name) }
        let credentials = AWSCredentials(
            accessKeyID: key.accessKeyID,
            secretAccessKey: key.secretAccessKey,
            source: "stand-in"
        )
        let steps = RequestSigner(region: String(scope[2]), service: "monitoring")
            .steps(signed, with: credentials, at: time)
        guard let steps, ConstantTime.areEqual(steps.signature, signature) else {
            throw mismatch(
                "The request signature we calculated does not match the signature you provided. Check "
                    + "your AWS Secret Access Key and signing method. Consult the service documentation for details."
            )
        }
    }

    private func mismatch(_ message: String) -> StandInRefusal {
        StandInRefusal(
            "InvalidSignatureException",
            code: "SignatureDoesNotMatch",
            message,
            status: 403
        )
    }

    private static func fields(_ header: String) throws(StandInRefusal) -> [String: String] {
        guard header.hasPrefix("AWS4-HMAC-SHA256 ") else {
            throw StandInRefusal(
                "IncompleteSignature",
                "Authorization header must begin with AWS4-HMAC-SHA256."
            )
        }
        var fields: [String: String] = [:]
        for part in header.dropFirst(17).split(separator: ",") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { fields[String(pair[0])] = String(pair[1]) }
        }
        return fields
    }

    /// Reads `20150830T123600Z`.
    private static func time(_ text: String) -> Timestamp? {
        let characters = Array(text)
        guard characters.count == 16, characters[8] == "T", characters[15] == "Z" else {
            return nil
        }
        func part(_ range: Range<Int>) -> String { String(characters[range]) }
        return Timestamp(
            rfc3339: "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T"
                + "\(part(9..<11)):\(part(11..<13)):\(part(13..<15))Z"
        )
    }
}
