import ServiceRuntime
import Testing

@testable import EFKIngest

@Suite struct ForwardAccessTests {
    static func peer(_ text: String) throws -> PeerAddress { try #require(PeerAddress(text)) }

    @Test func theFirstNetworkThatHoldsTheSenderDecides() throws {
        let folder = try SecretFolder([
            "common": "common\n", "own": "own", "web": "pass\r\n", "db": "word",
        ])
        let access = try ForwardAccess(
            reading: ForwardAccessFiles(
                sharedKeyFile: folder.path("common"),
                users: [
                    .init(name: "web", passwordFile: folder.path("web")),
                    .init(name: "db", passwordFile: folder.path("db")),
                ],
                clients: [
                    .init(
                        network: try #require(NetworkPrefix("10.1.0.0/16")),
                        sharedKeyFile: folder.path("own"),
                        users: ["web"]
                    ),
                    .init(network: try #require(NetworkPrefix("10.0.0.0/8"))),
                ],
                allowsAnonymousSources: false
            )
        )
        let own = access.demand(of: try Self.peer("10.1.2.3"))
        #expect(own?.key == Array("own".utf8))
        #expect(own?.passwords == [Array("web".utf8): Array("pass".utf8)])
        let wide = access.demand(of: try Self.peer("10.2.2.3"))
        #expect(wide?.key == Array("common".utf8))
        #expect(wide?.passwords?.count == 2)
        #expect(access.demand(of: try Self.peer("192.0.2.1")) == nil)
    }

    @Test func anybodyMayComeUnlessTheySayOtherwise() throws {
        let folder = try SecretFolder(["key": "k"])
        let access = try ForwardAccess(
            reading: ForwardAccessFiles(sharedKeyFile: folder.path("key"))
        )
        #expect(access.demand(of: try Self.peer("192.0.2.1"))?.key == [0x6b])
        #expect(access.demand(of: try Self.peer("::1"))?.passwords == nil)
    }

    @Test func aSecretThatCannotBeHadIsNamedByFileAndSetting() throws {
        let folder = try SecretFolder(["empty": "\n"])
        for (file, words) in [("absent", "cannot be read"), ("empty", "is empty")] {
            let error = #expect(throws: ForwardSecretError.self) {
                try ForwardAccess(
                    reading: ForwardAccessFiles(sharedKeyFile: folder.path(file))
                )
            }
            let text = error?.description ?? ""
            #expect(text.contains(folder.path(file)) && text.contains(words), "\(text)")
            #expect(text.contains("sources.forward.shared_key_file"))
        }
    }
}
