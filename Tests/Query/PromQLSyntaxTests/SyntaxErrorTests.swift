import PromQLSyntax
import Testing

struct SyntaxErrorCase: Sendable, CustomTestStringConvertible {
    var text: String
    var error: String

    init(_ text: String, _ error: String) {
        self.text = text
        self.error = error
    }

    var testDescription: String { text }
}

@Suite struct SyntaxErrorTests {
    @Test(arguments: [
        SyntaxErrorCase("", "unknown position: parse error: no expression found in input"),
        SyntaxErrorCase("# only a comment", "1:1: parse error: no expression found in input"),
        SyntaxErrorCase("1+", "1:3: parse error: unexpected end of input"),
        SyntaxErrorCase("a &", "1:3: parse error: unexpected character: '&'"),
        SyntaxErrorCase("a\n + %", "2:4: parse error: unexpected <op:%>"),
        SyntaxErrorCase("1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"),
        SyntaxErrorCase("1 =~ 1", "1:3: parse error: unexpected character after '=': '~'"),
        SyntaxErrorCase("(1", "1:3: parse error: unclosed left parenthesis"),
        SyntaxErrorCase("1)", "1:3: parse error: unexpected right parenthesis ')'"),
        SyntaxErrorCase(
            "m[:1m]",
            "1:4: parse error: unexpected colon before duration in duration expression"
        ),
        SyntaxErrorCase("a b", "1:3: parse error: unexpected identifier \"b\""),
        SyntaxErrorCase("-=", "1:2: parse error: unexpected \"=\""),
        SyntaxErrorCase("@@", "1:1: parse error: unexpected <op:@>"),
        SyntaxErrorCase("\"a", "1:1: parse error: unterminated quoted string"),
        SyntaxErrorCase("`a", "1:1: parse error: unterminated raw string"),
        SyntaxErrorCase("\"\\c\"", "1:1: parse error: unknown escape sequence U+0063 'c'"),
        SyntaxErrorCase(
            "\"\\x.\"",
            "1:1: parse error: illegal character U+002E '.' in escape sequence"
        ),
        SyntaxErrorCase(
            "\"\\ud800\"",
            "1:1: parse error: escape sequence is an invalid Unicode code point"
        ),
        SyntaxErrorCase(
            "\"\\xff\"",
            "1:1: parse error: string \"\\xff\" is not valid UTF-8; write characters as \\u or \\U escapes"
        ),
        SyntaxErrorCase("1_", "1:1: parse error: bad number or duration syntax: \"1_\""),
        SyntaxErrorCase("1..2", "1:1: parse error: bad number or duration syntax: \"1..\""),
        SyntaxErrorCase(
            "0x",
            "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax"
        ),
        SyntaxErrorCase(
            "1e400",
            "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e400\": value out of range"
        ),
        SyntaxErrorCase("a{", "1:3: parse error: unexpected end of input inside braces"),
        SyntaxErrorCase(
            "a{b}",
            "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator"
        ),
        SyntaxErrorCase(
            "a{b=c}",
            "1:5: parse error: unexpected identifier \"c\" in label matching, expected string"
        ),
        SyntaxErrorCase(
            "a{b='c' d}",
            "1:9: parse error: unexpected identifier \"d\" in label matching, expected \",\" or \"}\""
        ),
        SyntaxErrorCase(
            "a{,}",
            "1:3: parse error: unexpected \",\" in label matching, expected identifier or \"}\""
        ),
        SyntaxErrorCase(
            "a{b=~'('}",
            "1:3: parse error: error parsing regexp: missing closing ): `(`"
        ),
        SyntaxErrorCase(
            "a{b!~'*'}",
            "1:3: parse error: error parsing regexp: missing argument to repetition operator: `*`"
        ),
        SyntaxErrorCase(
            "a{b=~'x[z-a]'}",
            "1:3: parse error: error parsing regexp: invalid character class range: `z-a`"
        ),
        SyntaxErrorCase(
            "a{b=~'a{1001}'}",
            "1:3: parse error: error parsing regexp: invalid repeat count: `{1001}`"
        ),
        SyntaxErrorCase(
            "a{b=~'(?=x)'}",
            "1:3: parse error: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"
        ),
        SyntaxErrorCase(
            "a{b=~'x\\\\'}",
            "1:3: parse error: error parsing regexp: trailing backslash at end of expression: ``"
        ),
        SyntaxErrorCase(
            "foo @ 1e19",
            "1:1: parse error: timestamp out of bounds for @ modifier: 10000000000000000000.000000"
        ),
        SyntaxErrorCase(
            "{}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher"
        ),
        SyntaxErrorCase(
            "{a=~'.*'}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher"
        ),
        SyntaxErrorCase(
            "a{__name__='b'}",
            "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""
        ),
        SyntaxErrorCase("foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""),
        SyntaxErrorCase(
            "foo[5y1hs]",
            "1:5: parse error: unknown unit \"hs\" in duration \"5y1hs\""
        ),
        SyntaxErrorCase("foo[5m1h]", "1:5: parse error: not a valid duration string: \"5m1h\""),
        SyntaxErrorCase("foo[0m]", "1:5: parse error: duration must be greater than 0"),
        SyntaxErrorCase("foo[1e-320]", "1:5: parse error: duration must be greater than 0"),
        SyntaxErrorCase("foo[-1]", "1:5: parse error: duration must be greater than 0"),
        SyntaxErrorCase(
            "foo[\"5m\"]",
            "1:5: parse error: unexpected character in duration expression: '\"'"
        ),
        SyntaxErrorCase(
            "foo[]",
            "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()"
        ),
        SyntaxErrorCase(
            "foo[5m 5m]",
            "1:8: parse error: unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\""
        ),
        SyntaxErrorCase(
            "foo[5m:1m 1m]",
            "1:11: parse error: unexpected duration \"1m\" in subquery selector, expected \"]\""
        ),
        SyntaxErrorCase("foo[5m/0]", "1:7: parse error: division by zero"),
        SyntaxErrorCase("foo[5m%0]", "1:7: parse error: modulo by zero"),
        SyntaxErrorCase("foo[", "1:5: parse error: unexpected end of input in duration expression"),
        SyntaxErrorCase("foo[5m", "1:7: parse error: unclosed left bracket"),
        SyntaxErrorCase(
            "foo[5m] OFFSET",
            "1:15: parse error: unexpected end of input in offset, expected number, duration, step(), or range()"
        ),
        SyntaxErrorCase(
            "foo offset 1m[5m]",
            "1:14: parse error: no offset modifiers allowed before range"
        ),
        SyntaxErrorCase("foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
        SyntaxErrorCase(
            "(foo + bar)[5m]",
            "1:12: parse error: ranges only allowed for vector selectors"
        ),
        SyntaxErrorCase(
            "foo @",
            "1:6: parse error: unexpected end of input in @, expected timestamp"
        ),
        SyntaxErrorCase(
            "foo @ Inf",
            "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"
        ),
        SyntaxErrorCase(
            "foo @ 1 @ 2",
            "1:1: parse error: @ <timestamp> may not be set multiple times"
        ),
        SyntaxErrorCase(
            "1 offset 1d",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ),
        SyntaxErrorCase(
            "rate(a[5m]) @ 1",
            "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ),
        SyntaxErrorCase(
            "a offset 1s offset 2s",
            "1:1: parse error: offset may not be set multiple times"
        ),
        SyntaxErrorCase(
            "a anchored smoothed",
            "1:1: parse error: anchored and smoothed modifiers cannot be used together"
        ),
        SyntaxErrorCase(
            "a[5m:] anchored",
            "1:1: parse error: anchored modifier is not supported for subqueries"
        ),
    ]) func syntax(_ test: SyntaxErrorCase) { check(test) }

    @Test(arguments: [
        SyntaxErrorCase("sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"),
        SyntaxErrorCase("sum a by (b)", "1:5: parse error: unexpected identifier \"a\""),
        SyntaxErrorCase(
            "sum (a) by b",
            "1:12: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""
        ),
        SyntaxErrorCase(
            "sum without(==)(a)",
            "1:13: parse error: unexpected <op:==> in grouping opts, expected label"
        ),
        SyntaxErrorCase(
            "sum without(a b)(a)",
            "1:15: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""
        ),
        SyntaxErrorCase(
            "sum () by (a)",
            "1:1: parse error: no arguments for aggregate expression provided"
        ),
        SyntaxErrorCase(
            "topk(a)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"
        ),
        SyntaxErrorCase(
            "topk(a,)",
            "1:7: parse error: trailing commas not allowed in function call args"
        ),
        SyntaxErrorCase(
            "clamp(a, , 1)",
            "1:8: parse error: trailing commas not allowed in function call args"
        ),
        SyntaxErrorCase(
            "topk(1, == a)",
            "1:7: parse error: trailing commas not allowed in function call args"
        ),
        SyntaxErrorCase("clamp(a, &)", "1:10: parse error: unexpected character: '&'"),
        SyntaxErrorCase(
            "topk(a, b)",
            "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"
        ),
        SyntaxErrorCase(
            "count_values(5, b)",
            "1:14: parse error: expected type string in aggregation parameter, got scalar"
        ),
        SyntaxErrorCase(
            "sum(a[5m])",
            "1:5: parse error: expected type instant vector in aggregation expression, got range vector"
        ),
        SyntaxErrorCase(
            "floor()",
            "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"
        ),
        SyntaxErrorCase(
            "label_join(a)",
            "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"
        ),
        SyntaxErrorCase(
            "hour(a, b, c)",
            "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 3"
        ),
        SyntaxErrorCase(
            "floor(1)",
            "1:7: parse error: expected type instant vector in call to function \"floor\", got scalar"
        ),
        SyntaxErrorCase(
            "rate(a)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"
        ),
        SyntaxErrorCase("nothing()", "1:1: parse error: unknown function with name \"nothing\""),
        SyntaxErrorCase(
            "info(a, b)",
            "1:9: parse error: expected label selectors only, got vector selector instead"
        ),
        SyntaxErrorCase(
            "a > bool b + bool c",
            "1:12: parse error: bool modifier can only be used on comparison operators"
        ),
        SyntaxErrorCase(
            "1 == 1",
            "1:3: parse error: comparisons between scalars must use BOOL modifier"
        ),
        SyntaxErrorCase(
            "a + on(x) group_left(x) b",
            "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"
        ),
        SyntaxErrorCase(
            "a and 1",
            "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"
        ),
        SyntaxErrorCase(
            "a or on(x) group_left b",
            "1:1: parse error: no grouping allowed for \"or\" operation"
        ),
        SyntaxErrorCase(
            "a and fill(0) b",
            "1:1: parse error: filling in missing series not allowed for set operators"
        ),
        SyntaxErrorCase(
            "a + on(x) 1",
            "1:1: parse error: vector matching only allowed between instant vectors"
        ),
        SyntaxErrorCase(
            "a + fill(1) 1",
            "1:1: parse error: filling in missing series only allowed between instant vectors"
        ),
        SyntaxErrorCase(
            "a + \"s\"",
            "1:5: parse error: binary expression must contain only scalar and instant vector types"
        ),
        SyntaxErrorCase("a - on(b) ignoring(c) d", "1:11: parse error: unexpected <ignoring>"),
        SyntaxErrorCase(
            "-\"s\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\""
        ),
        SyntaxErrorCase(
            "a[5m][5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"
        ),
    ]) func types(_ test: SyntaxErrorCase) { check(test) }

    private func check(_ test: SyntaxErrorCase) {
        do throws(PromQLSyntaxError) {
            let expression = try PromQLParser.parse(test.text)
            Issue.record("parsed as \(expression.printed)")
        } catch {
            #expect(error.description == test.error)
        }
    }

    @Test func nestingHasALimit() throws {
        let deep = { (count: Int) in
            String(repeating: "(", count: count) + "1" + String(repeating: ")", count: count)
        }
        _ = try PromQLParser.parse(deep(100))
        let chain = { (count: Int) in Array(repeating: "1", count: count).joined(separator: "+") }
        _ = try PromQLParser.parse(chain(300))
        for text in [
            deep(100_000), chain(100_000), String(repeating: "-", count: 100_000) + "a",
            "a[" + String(repeating: "(", count: 100_000),
        ] {
            #expect(throws: PromQLSyntaxError.self) { try PromQLParser.parse(text) }
        }
        #expect {
            try PromQLParser.parse("1+1+1", depthMax: 2)
        } throws: { "\($0)".hasSuffix("nests deeper than 2 levels; split it with recording rules") }
    }

    @Test func textHasALimit() {
        let text = String(repeating: " ", count: PromQLParser.textBytesMax) + "1"
        #expect(throws: PromQLSyntaxError.self) { try PromQLParser.parse(text) }
    }
}
