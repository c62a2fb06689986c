import APIModel
import Testing
import Timekeeping

@testable import ControlCommands

@Suite struct DeploysCommandTests {
    static func deploy(_ outcome: String, at: String, started: String?) -> DeployDocument {
        DeployDocument(
            id: "1",
            service: "web",
            environment: "production",
            outcome: outcome,
            startedAt: started,
            at: at,
            revision: "9fceb02d0ae598e95dc970b74767f19372d61af8",
            url: "https://ci.example/1",
            message: "helm timed out"
        )
    }

    @Test func whatWentWrongStandsBelow() throws {
        let text = DeploysCommand.text(
            [
                Self.deploy(
                    "running",
                    at: "2026-11-24T10:00:00Z",
                    started: "2026-11-24T10:00:00Z"
                ),
                Self.deploy(
                    "failed",
                    at: "2026-11-24T09:05:00Z",
                    started: "2026-11-24T09:00:00Z"
                ),
                Self.deploy("succeeded", at: "2026-11-23T10:00:00Z", started: nil),
            ],
            at: try #require(Timestamp(rfc3339: "2026-11-24T10:02:00Z"))
        )
        #expect(
            text == """
                WHEN      SERVICE  ENVIRONMENT  OUTCOME    TOOK  REVISION
                2m ago    web      production   running    2m    9fceb02d0ae5
                57m ago   web      production   failed     5m    9fceb02d0ae5
                    helm timed out  https://ci.example/1
                1.0d ago  web      production   succeeded  -     9fceb02d0ae5

                """
        )
    }
}
