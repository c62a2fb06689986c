import Testing

@testable import Rules

/// Queries that cannot be carried over say why, however they are broken.
@Suite struct LuceneQueryTests {
    @Test(
        arguments: [
            ("status:500]", "] closes a range that was not opened"),
            ("}", "} closes a range that was not opened"),
            ("1uesr:(ann OR b) ANDser](ann $esxit@_:/x w ?ld*", "] closes a range"),
            ("status:[1 TO", "is not closed"),
            ("(a", "a parenthesis is not closed"),
            ("a)", "a parenthesis is closed that was not opened"),
            ("name:jon~2", "fuzziness"),
            (
                String(repeating: "a:", count: 100_000),
                "more than 50 NOT or fields within each other"
            ),
            (String(repeating: "NOT ", count: 100_000), "more than 50 NOT or fields"),
            (String(repeating: "(", count: 100_000), "more than 50 parentheses within each other"),
        ]
    )
    func whatIsBrokenIsTold(query: String, reason: String) {
        let problem = #expect(throws: LuceneQuery.Problem.self) {
            try LuceneQuery.filter(query)
        }
        #expect(problem?.message.contains(reason) == true, "\(problem?.message ?? "")")
    }
}
