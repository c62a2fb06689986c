import Testing

@testable import ServiceRuntime

@Suite struct ListenAddressTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var text: String
        var host: String?
        var port: UInt16 = 0
        var testDescription: String {
            "\"\(text)\" is \(host.map { "\($0) and \(port)" } ?? "refused")"
        }
    }

    @Test(arguments: [
        Case(text: "127.0.0.1:9467", host: "127.0.0.1", port: 9467),
        Case(text: "[::1]:80", host: "::1", port: 80),
        Case(text: "localhost:0", host: "localhost", port: 0),
        Case(text: ":65535", host: "", port: 65535),
        Case(text: "[::]:1", host: "::", port: 1),
        Case(text: ""), Case(text: "127.0.0.1"), Case(text: "127.0.0.1:"), Case(text: "9467"),
        Case(text: "127.0.0.1:65536"), Case(text: "127.0.0.1:-1"), Case(text: "127.0.0.1:+1"),
        Case(text: "::1:80"), Case(text: "[127.0.0.1]:80"), Case(text: "[::1:80"),
        Case(text: "a b:80"), Case(text: "http://h:80"), Case(text: "h:8x"),
    ])
    func `HOST:PORT is read or refused`(_ entry: Case) throws {
        guard let host = entry.host else {
            let error = #expect(throws: ListenError.self) {
                try ListenAddress(entry.text, setting: "server.listen")
            }
            #expect(error == .malformed(entry.text, setting: "server.listen"))
            return
        }
        let address = try ListenAddress(entry.text, setting: "server.listen")
        #expect(address.host == host)
        #expect(address.port == entry.port)
    }
}
