import CloudWatchIngest
import CloudWatchStandIn
import Foundation
import HTTPClient
import HTTPServer
import Timekeeping

/// Signs and makes calls to a stand-in without a socket.
struct StandInCaller {
    static let key = StandInKey(accessKeyID: "AKIDSTANDIN", secretAccessKey: "stand-in-secret")

    let standIn: CloudWatchStandIn
    let clock: any WallClock
    var key = StandInCaller.key
    var region = "eu-west-1"

    func call(
        _ operation: String,
        _ body: String,
        change: (inout HTTPRequest) -> Void = { _ in }
    )
        -> HTTPResponse
    {
        let request = HTTPClientRequest(
            method: "POST",
            url: "http://cloudwatch.test/",
            headers: [
                ("Content-Type", "application/x-amz-json-1.0"),
                ("X-Amz-Target", "GraniteServiceVersion20100801.\(operation)"),
            ],
            body: Array(body.utf8)
        )
        let keys = AWSCredentials(
            accessKeyID: key.accessKeyID,
            secretAccessKey: key.secretAccessKey,
            sessionToken: key.sessionToken,
            source: "test"
        )
        let signer = RequestSigner(region: region, service: "monitoring")
        let signed = signer.signed(request, with: keys, at: clock.now()) ?? request
        var plain = HTTPRequest(
            method: "POST",
            path: "/",
            headers: signed.headers.map { ($0.name.lowercased(), $0.value) }
                + [("host", "cloudwatch.test")],
            body: signed.body
        )
        change(&plain)
        return standIn.respond(to: plain)
    }

    func json<Reply: Decodable>(
        _ operation: String,
        _ body: String,
        as type: Reply.Type
    ) throws
        -> Reply
    {
        let response = call(operation, body)
        guard response.status == 200 else {
            throw Unexpected(text: String(decoding: response.body, as: UTF8.self))
        }
        return try JSONDecoder().decode(type, from: Data(response.body))
    }

    struct Unexpected: Error {
        var text: String
    }
}
