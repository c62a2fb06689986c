import Cryptography
package import HTTPClient
package import Timekeeping

/// Signs requests with AWS Signature Version 4 for one region and service.
///
/// Source: "Create a signed AWS API request"; checked against botocore's `SigV4Auth` and the
/// `get-vanilla` vector of the AWS test suite.
package struct RequestSigner: Sendable {
    /// Every value that the signature is computed from, in order.
    package struct Steps: Hashable, Sendable {
        package var canonicalRequest: String
        /// Lower-case names joined by `;`.
        package var signedHeaders: String
        package var stringToSign: String
        /// 64 hexadecimal digits.
        package var signature: String
        /// The value of the `Authorization` header.
        package var authorization: String
    }

    package var region: String
    /// The service's signing name: `monitoring`, `sts`.
    package var service: String

    /// Headers that intermediaries change and that are therefore never signed.
    package static let unsignedHeaders: Set<String> = [
        "authorization", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id",
    ]

    package init(region: String, service: String) {
        self.region = region
        self.service = service
    }

    /// `request` with date, token and authorization headers in place of any that it had.
    ///
    /// - Returns: Nil when the request's address is not an absolute http or https address.
    package func signed(
        _ request: HTTPClientRequest,
        with credentials: AWSCredentials,
        at time: Timestamp
    ) -> HTTPClientRequest? {
        var signed = request
        signed.headers.removeAll {
            ["authorization", "x-amz-date", "x-amz-security-token"].contains($0.name.lowercased())
        }
        signed.headers.append(("X-Amz-Date", Self.amzDate(time)))
        if let token = credentials.sessionToken {
            signed.headers.append(("X-Amz-Security-Token", token))
        }
        guard let steps = steps(signed, with: credentials, at: time) else { return nil }
        signed.headers.append(("Authorization", steps.authorization))
        return signed
    }

    /// The signature of `request` as it stands: its date and token headers must be there already.
    ///
    /// - Returns: Nil when the request's address is not an absolute http or https address.
    package func steps(
        _ request: HTTPClientRequest,
        with credentials: AWSCredentials,
        at time: Timestamp
    ) -> Steps? {
        guard let address = RequestAddress(request.url) else { return nil }
        let headers = Self.headersToSign(request.headers, host: address.host)
        let names = headers.map(\.name).joined(separator: ";")
        let lines = headers.map { "\($0.name):\($0.value)\n" }.joined()
        let canonical = [
            request.method.uppercased(), Self.canonicalPath(address.path),
            Self.canonicalQuery(address.query), lines, names,
            Hexadecimal.encode(Digest.sha256(request.body)),
        ].joined(separator: "\n")

        let date = Self.amzDate(time)
        let scope = "\(date.prefix(8))/\(region)/\(service)/aws4_request"
        let stringToSign = [
            "AWS4-HMAC-SHA256", date, scope, Hexadecimal.encode(Digest.sha256(canonical.utf8)),
        ].joined(separator: "\n")

        let key = signingKey(secret: credentials.secretAccessKey, day: String(date.prefix(8)))
        let signature = Hexadecimal.encode(
            MessageAuthentication.hmacSHA256(key: key, stringToSign.utf8)
        )
        return Steps(
            canonicalRequest: canonical,
            signedHeaders: names,
            stringToSign: stringToSign,
            signature: signature,
            authorization: "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), "
                + "SignedHeaders=\(names), Signature=\(signature)"
        )
    }

    private func signingKey(secret: String, day: String) -> [UInt8] {
        var key = Array("AWS4\(secret)".utf8)
        for part in [day, region, service, "aws4_request"] {
            key = MessageAuthentication.hmacSHA256(key: key, part.utf8)
        }
        return key
    }

    /// A moment as signatures write it: `20150830T123600Z`.
    package static func amzDate(_ time: Timestamp) -> String {
        let whole = Timestamp(milliseconds: time.milliseconds - time.utc.millisecondOfSecond)
        return String(whole.rfc3339.filter { $0 != "-" && $0 != ":" })
    }

    /// Lower-case names, values trimmed and inner white space folded, sorted; `host` is added.
    private static func headersToSign(
        _ headers: [(name: String, value: String)],
        host: String
    ) -> [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for header in headers {
            let name = header.name.lowercased()
            guard !unsignedHeaders.contains(name) else { continue }
            let folded = header.value.split { $0.isWhitespace }.joined(separator: " ")
            values[name, default: []].append(folded)
        }
        if values["host"] == nil { values["host"] = [host] }
        return values.map { (name: $0.key, value: $0.value.joined(separator: ",")) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// The path without dot segments and empty segments, percent-encoded once more.
    private static func canonicalPath(_ path: String) -> String {
        guard !path.isEmpty else { return "/" }
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." {
                _ = segments.popLast()
            } else {
                segments.append(segment)
            }
        }
        let tail = path.hasSuffix("/") && !segments.isEmpty ? "/" : ""
        return percentEncoded("/" + segments.joined(separator: "/") + tail, keeping: "/")
    }

    /// Pairs sorted by encoded name, then encoded value, as they stand in the address.
    private static func canonicalQuery(_ query: String) -> String {
        guard !query.isEmpty else { return "" }
        return query.split(separator: "&", omittingEmptySubsequences: false)
            .map { pair -> (name: Substring, value: Substring) in
                guard let equals = pair.firstIndex(of: "=") else { return (pair, "") }
                return (pair[..<equals], pair[pair.index(after: equals)...])
            }
            .sorted { left, right in
                left.name == right.name
                    ? left.value.utf8.lexicographicallyPrecedes(right.value.utf8)
                    : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
            }
            .map { "\($0.name)=\($0.value)" }
            .joined(separator: "&")
    }

    /// `text` with every byte but RFC 3986's unreserved ones, and those of `keeping`, as `%XX`.
    package static func percentEncoded(_ text: String, keeping: String = "") -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.append(byte)
            case let other where keeping.utf8.contains(other):
                result.append(other)
            default:
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: Hexadecimal.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension UTCFields {
    fileprivate var millisecondOfSecond: Int64 { Int64(millisecond) }
}
