import Cryptography
import Foundation
import HTTPClient
import Incidents
import OnCall
import TestSupport
import Testing
import Timekeeping

@testable import Paging

@Suite struct WebhookSecretTests {
    /// The example of the Standard Webhooks specification.
    @Test func theSpecificationsExampleComesOut() throws {
        let secret = try WebhookSecret(text: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", path: "f")
        let signature = secret.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            seconds: 1_614_265_330,
            body: Array("{\"test\": 2432232314}".utf8)
        )
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func whileAKeyIsReplacedBothSign() throws {
        let other = "whsec_" + Base64.encode([UInt8](repeating: 7, count: 24))
        let both = try WebhookSecret(text: Scene.secret + "\n" + other, path: "f")
        let parts = both.signature(id: "a", seconds: 1, body: [1]).split(separator: " ")
        let alone = try WebhookSecret(text: other, path: "f")
        #expect(parts.count == 2)
        #expect(parts.last.map(String.init) == alone.signature(id: "a", seconds: 1, body: [1]))
    }

    @Test(arguments: [
        "whsec_", "whsec_!!!!", "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM=", "short",
        "whsec_" + Base64.encode([UInt8](repeating: 1, count: 65)),
        (0..<6).map { _ in Scene.secret }.joined(separator: "\n"),
    ])
    func textThatIsNoSecretIsRefusedWithoutShowingIt(text: String) {
        let failure = #expect(throws: SecretFailure.self) {
            _ = try WebhookSecret(text: text, path: "var/hook.secret")
        }
        #expect(failure?.path == "var/hook.secret")
        #expect(text == "whsec_" || failure?.description.contains(text) == false)
    }

    @Test func aSecretNeverShows() throws {
        let secret = try WebhookSecret(text: Scene.secret, path: "f")
        #expect("\(secret)" == "WebhookSecret(1 keys)")
    }

    @Test func madeSecretsAreSecrets() throws {
        var random = SeededGenerator(seed: 9)
        let text = WebhookSecret.make(using: &random)
        _ = try WebhookSecret(text: text, path: "f")
        #expect(text != WebhookSecret.make(using: &random))
    }

    /// The reference implementation for Python verifies what we send, and refuses what was changed.
    @Test func thePythonImplementationVerifiesOurRequests() throws {
        guard let python = PythonTool.interpreter(with: ["standardwebhooks"]) else {
            print("skipped: no Python with standardwebhooks (make test installs it into .venv)")
            return
        }
        let page = try #require(try Scene.pages().first)
        let provider = WebhookProvider(
            receiver: "phone",
            url: "http://phone.test/",
            secret: try WebhookSecret(text: Scene.secret, path: "f"),
            format: .tocsin,
            links: Scene.links,
            settings: PagingSettings()
        )
        let request = try #require(try provider.request(for: page, at: SystemClock().now()))
        let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { first, _ in first }
        let input = try JSONSerialization.data(withJSONObject: [
            "secret": Scene.secret, "headers": headers,
            "body": String(decoding: request.body, as: UTF8.self),
        ])
        let program = """
            import json, sys
            from standardwebhooks.webhooks import Webhook, WebhookVerificationError
            case = json.load(sys.stdin)
            hook = Webhook(case["secret"])
            print(hook.verify(case["body"], case["headers"])["id"])
            try:
                hook.verify(case["body"].replace("P3", "P4"), case["headers"])
                print("a changed body passed")
            except WebhookVerificationError as error:
                print("refused")
            """
        let outcome = try PythonTool.run(
            python,
            ["-c", program],
            input: String(decoding: input, as: UTF8.self)
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "\(page.id)\nrefused\n")
    }

    @Test func secretsAreReadFromFilesWithReasons() throws {
        let folder = NSTemporaryDirectory() + "tocsin-secret-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ name: String, _ bytes: [UInt8]) throws -> String {
            let path = folder + "/" + name
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return path
        }
        let files = SecretFiles()
        #expect(try files.secret(at: write("good", Array(" abc\n\n".utf8))) == "abc")
        for (name, bytes, words) in [
            ("empty", Array(" \n".utf8), "is empty"), ("binary", [0xff, 0xfe], "is no UTF-8 text"),
            ("long", [UInt8](repeating: 97, count: 70_000), "longer than 65536 bytes"),
        ] {
            let path = try write(name, bytes)
            let failure = #expect(throws: SecretFailure.self) { try files.secret(at: path) }
            #expect(failure?.description.contains(words) == true)
            #expect(failure?.description.contains(path) == true)
        }
        let failure = #expect(throws: SecretFailure.self) {
            try files.secret(at: folder + "/absent")
        }
        #expect(failure?.description.contains("create it") == true)
    }

    @Test func everyReceiverWithoutItsSecretIsNamedAtOnce() throws {
        let policy = try Scene.policy()
        let failure = #expect(throws: (any Error).self) {
            _ = try ReceiverSet(policy, links: Scene.links, secrets: Scene.Secrets(files: [:]))
        }
        #expect(
            failure.map { "\($0)" }
                == """
                oncall.yaml:2:5: receiver "phone": secret file phone.secret: is not there
                oncall.yaml:4:5: receiver "duty": secret file duty.key: is not there
                """
        )
    }
}
