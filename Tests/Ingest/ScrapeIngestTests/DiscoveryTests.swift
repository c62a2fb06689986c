import Foundation
import Model
import TestSupport
import Testing
import Timekeeping

@testable import ScrapeIngest

@Suite struct DiscoveryTests {
    let now = Timestamp(milliseconds: 1_700_000_000_000)
    let folder = FileManager.default.temporaryDirectory.path + "/targets-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
    }

    struct NoNames: NameResolving {
        func records(of name: String, _ kind: DNSRecord.Kind) throws(DNSProblem) -> [DNSRecord] {
            throw DNSProblem(reason: "no answer for \(name)")
        }
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }

    func discovery() -> JobDiscovery {
        var job = ScrapeJob(name: "j", location: SourceLocation(file: "t", line: 1, column: 1))
        job.files = [
            FileDiscovery(
                paths: [folder + "/*.json", folder + "/one.yml"],
                interval: .seconds(300)
            )
        ]
        return JobDiscovery(job, resolver: NoNames())
    }

    func addresses(_ discovery: JobDiscovery) -> [String] {
        discovery.groups.flatMap(\.targets).map { $0[0].value }
    }

    @Test func filesAreReadAgainWhenTheyChange() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("a.json", #"[{"targets": ["a:1", "b:1"], "labels": {"dc": "x"}}]"#)
        try write("one.yml", "- targets: ['c:1']\n")
        var discovery = discovery()
        discovery.refresh(at: now)
        #expect(addresses(discovery) == ["a:1", "b:1", "c:1"])
        #expect(
            discovery.groups.first?.labels
                == [Label("dc", "x"), Label("__meta_filepath", folder + "/a.json")]
        )
        #expect(discovery.nextDue == now + .seconds(5))
        try write("a.json", #"[{"targets": ["d:1"]}]"#)
        // Not looked at yet.
        discovery.refresh(at: now + .seconds(4))
        #expect(addresses(discovery) == ["a:1", "b:1", "c:1"])
        discovery.refresh(at: now + .seconds(5))
        #expect(addresses(discovery) == ["d:1", "c:1"])
        // A file that is broken keeps its targets; the trouble is told, and is over when the file is mended.
        try write("a.json", #"[{"targets": "#)
        discovery.refresh(at: now + .seconds(10))
        #expect(addresses(discovery) == ["d:1", "c:1"])
        #expect(discovery.problems.count == 1)
        #expect(discovery.problems.first?.contains(folder + "/a.json") == true)
        try write("a.json", "[]")
        try write("b.json", #"[{"targets": ["e:1"]}]"#)
        discovery.refresh(at: now + .seconds(15))
        #expect(addresses(discovery) == ["e:1", "c:1"])
        #expect(discovery.problems == [])
        try FileManager.default.removeItem(atPath: folder + "/b.json")
        discovery.refresh(at: now + .seconds(20))
        #expect(addresses(discovery) == ["c:1"])
    }

    @Test(arguments: [
        (#"{"targets": ["a:1"]}"#, "the file must hold a list of groups"),
        (#"[{"targets": ["a:1"], "label": {}}]"#, "did you mean \"labels\"?"),
        (#"[{"targets": ["http://a:1/x"]}]"#, "is no target; give HOST:PORT"),
        (#"[{"targets": ["a:1"], "labels": {"a-b": "c"}}]"#, "\"a-b\" is no label name"),
    ])
    func filesThatCannotBeUsed(_ text: String, _ words: String) {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do throws(TargetFileProblem) {
            _ = try TargetFile.groups(in: Array(text.utf8), path: "t.json")
            Issue.record("was read")
        } catch {
            #expect(error.reason.contains(words), "\(error.reason)")
        }
    }

    // MARK: Name servers' answers

    /// An answer for `m.example` with these records, their names compressed.
    func message(_ records: [(type: UInt16, data: [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
        bytes += [1] + Array("m".utf8) + [7] + Array("example".utf8) + [0, 0, 33, 0, 1]
        for record in records {
            bytes += [
                0xc0, 12, UInt8(record.type >> 8), UInt8(record.type & 255), 0, 1, 0, 0, 0, 9,
            ]
            bytes += [UInt8(record.data.count >> 8), UInt8(record.data.count & 255)] + record.data
        }
        return bytes
    }

    @Test func answersAreRead() throws {
        let bytes = message([
            (33, [0, 1, 0, 2, 0x23, 0x8c, 2] + Array("h1".utf8) + [0xc0, 14]),
            (1, [10, 0, 0, 255]),
            (28, [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]),
            (33, [0, 1, 0, 2, 0, 80, 0]),
        ])
        #expect(
            try DNSMessage.records(in: bytes.span, .service)
                == [.service(host: "h1.example", port: 9100)]
        )
        #expect(try DNSMessage.records(in: bytes.span, .address4) == [.address("10.0.0.255")])
        #expect(try DNSMessage.records(in: bytes.span, .address6) == [.address("2001:db8::1")])
    }

    @Test func damagedAnswersAreRefused() {
        let good = message([(33, [0, 1, 0, 2, 0x23, 0x8c, 2] + Array("h1".utf8) + [0xc0, 14])])
        for count in 0..<good.count {
            #expect(throws: DNSProblem.self) {
                try DNSMessage.records(in: Array(good.prefix(count)).span, .service)
            }
        }
        // A name that points at itself.
        let loop = message([(33, [0, 1, 0, 2, 0, 80, 0xc0, 45])])
        #expect(throws: DNSProblem.self) { try DNSMessage.records(in: loop.span, .service) }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<5000 {
            var bytes = good
            for _ in 0..<3 {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? DNSMessage.records(in: bytes.span, .service)
        }
    }
}
