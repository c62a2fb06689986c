import Model
import Testing

/// Labels are bytes: what only looks alike is not equal.
@Suite struct LabelBytesTests {
    private static let composed = "\u{e9}"
    private static let combining = "e\u{301}"

    @Test func textsThatLookAlikeDiffer() {
        let (one, two) = (LabelBytesTests.composed, LabelBytesTests.combining)
        #expect(one == two, "Swift takes them for equal")
        #expect(!one.hasSameBytes(as: two))
        #expect(one.hasSameBytes(as: "\u{e9}"))
        #expect("\u{212a}" == "K" && !"\u{212a}".hasSameBytes(as: "K"))
        // The same code points in another order: equal characters, equal lengths.
        let (above, below) = ("q\u{307}\u{323}", "q\u{323}\u{307}")
        #expect(above == below && !above.hasSameBytes(as: below))
        #expect("".hasSameBytes(as: "") && !"".hasSameBytes(as: "a"))
        #expect(one.isOne(of: ["x", one]) && !one.isOne(of: ["x", two]))
        #expect(one.isMember(of: [one]) && !one.isMember(of: [two, "x"]))
    }

    @Test func setsTellThemApart() {
        let (one, two) = (LabelBytesTests.composed, LabelBytesTests.combining)
        #expect(Label("a", one) != Label("a", two))
        #expect(LabelSet([Label("a", one)]) != LabelSet([Label("a", two)]))
        let both = LabelSet([Label(one, "1"), Label(two, "2"), Label(one, "3")])
        #expect(both.labels == [Label(two, "2"), Label(one, "3")])
        #expect(both[one] == "3" && both[two] == "2")
        var changed = both
        changed[two] = ""
        #expect(changed.labels == [Label(one, "3")])
        changed[two] = "4"
        #expect(changed.count == 2 && changed[one] == "3")
        #expect(both.dropping([two]).labels == [Label(one, "3")])
        #expect(both.keeping([two]).labels == [Label(two, "2")])
        #expect(Set([Label("a", one), Label("a", two), Label("a", one)]).count == 2)
        #expect(LabelSet([Label("a", two)]) < LabelSet([Label("a", one)]))
    }

    @Test func matchersTellThemApart() {
        let (one, two) = (LabelBytesTests.composed, LabelBytesTests.combining)
        let matcher = LabelMatcher("a", equals: one)
        #expect(matcher.matches(one) && !matcher.matches(two))
        #expect(matcher != LabelMatcher("a", equals: two))
    }

    @Test func setsKeepTheLastOfALabel() {
        let set = LabelSet([
            Label("b", "1"), Label("a", "2"), Label("b", ""), Label("c", "x"), Label("c", "y"),
        ])
        #expect(set.labels == [Label("a", "2"), Label("c", "y")])
        #expect(LabelSet([Label]()).isEmpty)
        #expect(LabelSet([Label("a", "")]).isEmpty)
    }
}
