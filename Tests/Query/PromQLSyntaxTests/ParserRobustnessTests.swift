import Model
import PromQLSyntax
import TestSupport
import Testing

/// The parser reads what strangers send: whatever comes, it answers or throws.
@Suite struct ParserRobustnessTests {
    static let texts = [
        "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m] offset 1h)) > 0.5",
        "a * on (x, \"y z\") group_left (z) b @ 1.5 and ignoring () c unless d",
        "max_over_time((x + 1)[1h:30s] @ end())[5m:]", "topk(3, -x ^ 2) # comment\n",
        "label_replace({\"my.metric\"}, 'd', `$1`, \"s\", \"\\u00e9\\x41(.*)\")",
        "x[max_of(step(), 5m) * 2:1m] smoothed", "0x1F + 1_000 - Inf * NaN % .5e-3",
        "a fill_left (1) fill_right (-2) + b",
    ]

    @Test(arguments: [1, 2, 3]) func mutationsNeverTrap(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = Array("(){}[],:=!~\"'`\\+-*/%^@#<> \n0123.eExX_smhdwyé") + ["\u{0}", "😀"]
        var parsed = 0
        for _ in 0..<4000 {
            let text = ParserRobustnessTests.texts.randomElement(using: &random) ?? ""
            var characters = Array(text)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<characters.count, using: &random)
                switch random.next() % 3 {
                case 0: characters.remove(at: index)
                case 1: characters[index] = pieces.randomElement(using: &random) ?? " "
                default:
                    characters.insert(pieces.randomElement(using: &random) ?? " ", at: index)
                }
            }
            guard let expression = try? PromQLParser.parse(String(characters)) else { continue }
            parsed += 1
            let again = try? PromQLParser.parse(expression.printed)
            #expect(again == expression, "\(String(characters)) is printed \(expression.printed)")
        }
        #expect(parsed > 0)
    }

    @Test func seriesNotation() throws {
        #expect(try SeriesNotation.labels("up{b=\"1\",a=\"\"}").description == "up{b=\"1\"}")
        #expect(try SeriesNotation.labels("{}").isEmpty)
        #expect(try SeriesNotation.labels("sum").name == "sum")
        let cases: [(String, [Double?])] = [
            ("1 2.5 -3", [1, 2.5, -3]), ("0+10x3", [0, 10, 20, 30]), ("5-2x2", [5, 3, 1]),
            ("1x2", [1, 1, 1]), ("_ _x2 1", [nil, nil, nil, 1]), ("-1e2+.5x1", [-100, -99.5]),
            ("Inf -Inf", [.infinity, -.infinity]), ("", []), ("1e+2x0", [100]),
        ]
        for (text, values) in cases { #expect(try SeriesNotation.values(text) == values) }
        let stale = try SeriesNotation.values("stale NaN")
        #expect(stale[0]?.bitPattern == 0x7ff0_0000_0000_0002)
        #expect(stale[1]?.isNaN == true)
        for text in ["x", "1+x3", "1+2", "{{schema:0}}", "1x", "1x9999999", "_x99999999", "1;2"] {
            #expect(throws: PromQLSyntaxError.self) { try SeriesNotation.values(text) }
        }
        for text in ["up{a!=\"1\"}", "up[5m]", "1", "up{a=\"1\""] {
            #expect(throws: PromQLSyntaxError.self) { try SeriesNotation.labels(text) }
        }
    }
}
