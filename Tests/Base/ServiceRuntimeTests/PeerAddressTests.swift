import Testing

@testable import ServiceRuntime

@Suite struct PeerAddressTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
        ("10.0.0.3", "10.0.0.3", true), ("10.0.0.3", "10.0.0.2", false),
        ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
        ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "fd00::1", false),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", true),
        ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("::/0", "10.0.0.1", true),
        ("10.0.0.0/8", "::ffff:10.2.3.4", true),
    ])
    func networksHoldTheirAddresses(network: String, address: String, isIn: Bool) throws {
        let prefix = try #require(NetworkPrefix(network))
        #expect(prefix.contains(try #require(PeerAddress(address))) == isIn)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "example.org", "fd00::/129",
        "10.0.0.0/8/8", "10.0.0.0/ 8",
    ])
    func whatIsNoNetworkIsNone(text: String) {
        #expect(NetworkPrefix(text) == nil)
    }

    @Test func theLimitOfDescriptorsIsRaisedAndToldOf() throws {
        let limit = try #require(DescriptorLimit.raise())
        #expect(DescriptorLimit.warning(limit: limit, connections: 1, reserved: 0) == nil)
        let words = DescriptorLimit.warning(limit: 1024, connections: 10_000)
        #expect(words?.contains("ulimit -n") == true && words?.contains("10512") == true)
    }
}
