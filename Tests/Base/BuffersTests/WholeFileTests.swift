import Buffers
import Glibc
import Testing

@Suite struct WholeFileTests {
    @Test func refusesWhatItCannotReadInTheKernelsWords() {
        #expect(throws: FileReadFailure(reason: "No such file or directory")) {
            try WholeFile.bytes(at: "/nowhere/at/all")
        }
        #expect(throws: FileReadFailure(reason: "Is a directory")) {
            try WholeFile.bytes(at: "/")
        }
    }

    @Test func refusesLongerFilesThanAllowed() throws {
        // The kernel's own file: known to be there, and known to hold more than a byte.
        let all = try WholeFile.bytes(at: "/proc/version")
        #expect(all.starts(with: Array("Linux".utf8)))
        #expect(try WholeFile.bytes(at: "/proc/version", bytesMax: all.count) == all)
        #expect(throws: FileReadFailure(reason: "longer than \(all.count - 1) bytes")) {
            try WholeFile.bytes(at: "/proc/version", bytesMax: all.count - 1)
        }
    }
}

@Suite struct NumberAndTextTests {
    @Test(arguments: [
        (0.5, "%f", 1, "0.5"), (2.25, "%f", 1, "2.2"), (-0.04, "%f", 1, "-0.0"),
        (99.95, "%g", 6, "99.95"), (1e21, "%g", 6, "1e+21"), (0.00001, "%g", 6, "1e-05"),
        (1234.5, "%e", 2, "1.23e+03"), (1234.5, "%E", 2, "1.23E+03"),
    ])
    func writesAsPrintfDoes(_ value: Double, _ verb: String, _ precision: Int, _ text: String) {
        #expect(
            PrintfNumber.text(value, verb: verb.last ?? "g", precision: precision) == text
        )
    }

    @Test func writesTheLongestNumberWhole() {
        let text = PrintfNumber.fixed(-Double.greatestFiniteMagnitude, decimals: 100)
        #expect(text.utf8.count == 1 + 309 + 1 + 100)
        #expect(Double(text) == -Double.greatestFiniteMagnitude)
    }

    @Test(arguments: [("", ""), (" \n", ""), ("a", "a"), ("\t a b\r\n", "a b")])
    func trims(_ text: String, _ trimmed: String) { #expect(text.trimmed == trimmed) }
}
