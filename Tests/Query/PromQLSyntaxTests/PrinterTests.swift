import PromQLSyntax
import Testing

/// One expression and its canonical text (the same when `canonical` is nil).
struct PrintCase: Sendable, CustomTestStringConvertible {
    var text: String
    var canonical: String?

    init(_ text: String, _ canonical: String? = nil) {
        self.text = text
        self.canonical = canonical
    }

    var testDescription: String { text }
}

@Suite struct PrinterTests {
    @Test(arguments: [
        PrintCase("1"), PrintCase("1.5"), PrintCase("+Inf", "+Inf"), PrintCase("-inf", "-Inf"),
        PrintCase("NaN"), PrintCase(".5", "0.5"), PrintCase("5.", "5"), PrintCase("1e3", "1000"),
        PrintCase("1e-7", "0.0000001"), PrintCase("1_000", "1000"), PrintCase("0x1F", "31"),
        PrintCase("0X_ff", "255"), PrintCase("017", "15"), PrintCase("08", "8"),
        PrintCase("1h30m"), PrintCase("90s", "1m30s"), PrintCase("-5m"),
        PrintCase("1y2w3d", "382d"),
        PrintCase("\"a\\tb\\u00e9\"", "\"a\\tbé\""), PrintCase("'it\\'s'", "\"it's\""),
        PrintCase("`raw\\n`", "\"raw\\\\n\""), PrintCase("\"\\x41\\101\"", "\"AA\""),
        // Found by fuzzing: what was printed read as another expression.
        PrintCase("-0m", "-0s"), PrintCase("-NaN", "NaN"),
        PrintCase("1 - Inf ^ .5", "1 - Inf ^ 0.5"),
        PrintCase("-Inf ^ 2", "-Inf ^ 2"), PrintCase("2 ^ Inf", "2 ^ +Inf"),
    ]) func literals(_ test: PrintCase) throws { try check(test) }

    @Test(arguments: [
        PrintCase("up"), PrintCase("job:up:sum"), PrintCase(":a"), PrintCase("sum"),
        PrintCase("offset"), PrintCase("start"), PrintCase("and + or", "and + or"),
        PrintCase("up{}", "up"), PrintCase("up{b=\"1\",a=\"2\",}", "up{a=\"2\",b=\"1\"}"),
        PrintCase("{a!=\"1\",b=~\"x|y\",c!~\"z\",d=''}", "{a!=\"1\",b=~\"x|y\",c!~\"z\",d=\"\"}"),
        PrintCase("{\"my.metric\",\"a b\"=\"c\"}", "{\"a b\"=\"c\",__name__=\"my.metric\"}"),
        PrintCase("{__name__=\"up\"}"), PrintCase("up offset 5m"), PrintCase("up offset -5m"),
        PrintCase("up offset 300", "up offset 5m"), PrintCase("up offset 0s", "up"),
        PrintCase("up @ 1.5", "up @ 1.500"), PrintCase("up @ -1m", "up @ -60.000"),
        PrintCase("up @ start()"), PrintCase("up offset 1m @ end()", "up @ end() offset 1m"),
        PrintCase("up[5m]"), PrintCase("up[300]", "up[5m]"),
        PrintCase("up[5m] @ 1 offset 2s", "up[5m] @ 1.000 offset 2s"),
        PrintCase("up anchored"), PrintCase("rate(up[5m] smoothed)"),
        PrintCase("up[5m] anchored @ 3 offset 1m", "up[5m] anchored @ 3.000 offset 1m"),
        PrintCase("up[5m:]"), PrintCase("up[ 5m : 30s ] offset 1h", "up[5m:30s] offset 1h"),
        PrintCase("(a + b)[5m:1m] @ end()"),
        PrintCase("rate(up[5m])[1h:1m]"),
        PrintCase("up[5m] # comment\n offset 1m", "up[5m] offset 1m"),
        // Lengths are whole milliseconds, as they are evaluated.
        PrintCase("up[1.0009]", "up[1s]"), PrintCase("up offset 1e-320", "up"),
        PrintCase("up offset -1.2345", "up offset -1s234ms"),
    ]) func selectors(_ test: PrintCase) throws { try check(test) }

    @Test(arguments: [
        PrintCase("up[5m+1s]", "up[5m + 1s]"), PrintCase("up[2 * (1m + 30)]", "up[2 * (1m + 30)]"),
        PrintCase("up[step()]"), PrintCase("up[STep()+1]", "up[step() + 1]"),
        PrintCase(
            "up[max_of(step(),5m):min_of(1m, range())]",
            "up[max_of(step(), 5m):min_of(1m, range())]"
        ),
        PrintCase("up[-(1-2)]", "up[-(1 - 2)]"),
        PrintCase("up offset (1m+step())", "up offset (1m + step())"),
        PrintCase("up offset -step()"), PrintCase("up offset -(1m)", "up offset -(1m)"),
        PrintCase("up offset range()"), PrintCase("up[5m^2]", "up[5m ^ 2]"),
        PrintCase("up[5m%2]", "up[5m % 2]"),
    ]) func durations(_ test: PrintCase) throws { try check(test) }

    @Test(arguments: [
        PrintCase("a+b", "a + b"), PrintCase("a == bool b"), PrintCase("a </ 1"),
        PrintCase("a>/2", "a >/ 2"), PrintCase("a  atan2 b", "a atan2 b"),
        PrintCase("a AND b", "a and b"), PrintCase("a + on(x,y) b", "a + on (x, y) b"),
        PrintCase("a + on() b", "a + on () b"), PrintCase("a + ignoring() b", "a + b"),
        PrintCase("a * ignoring(x) group_left(y) b", "a * ignoring (x) group_left (y) b"),
        PrintCase("a * on(x) group_right b", "a * on (x) group_right () b"),
        PrintCase("a < bool on(x) group_left b", "a < bool on (x) group_left () b"),
        PrintCase("a + on(\"x y\", z) b", "a + on (\"x y\", z) b"),
        PrintCase("a - fill(0) b", "a - fill (0) b"),
        PrintCase("a - fill_left(-1) b", "a - fill_left (-1) b"),
        PrintCase("a - fill_right(2) fill_left(1) b", "a - fill_left (1) fill_right (2) b"),
        PrintCase("a - fill_left(1) fill_right(1) b", "a - fill (1) b"),
        PrintCase("fill + fill_left"),
        PrintCase("-a"), PrintCase("--a", "--a"), PrintCase("-(1)"), PrintCase("- - 1", "1"),
        PrintCase("+a"), PrintCase("(a)"), PrintCase("2 ^ -1"), PrintCase("1 == bool 1"),
    ]) func operators(_ test: PrintCase) throws { try check(test) }

    @Test(arguments: [
        PrintCase("time()"), PrintCase("abs(a)"), PrintCase("round(a,2)", "round(a, 2)"),
        PrintCase("label_join(a, \"d\", \"-\")"),
        PrintCase(
            "label_replace(a,'d','$1','s','(.*)')",
            "label_replace(a, \"d\", \"$1\", \"s\", \"(.*)\")"
        ),
        PrintCase("sum(a)"), PrintCase("SUM(a)", "sum(a)"),
        PrintCase("sum by(x)(a)", "sum by (x) (a)"),
        PrintCase("sum (a) by (x,)", "sum by (x) (a)"), PrintCase("sum by () (a)", "sum(a)"),
        PrintCase("sum without () (a)", "sum without () (a)"),
        PrintCase("topk without(and,\"b c\")(3,a)", "topk without (and, \"b c\") (3, a)"),
        PrintCase("count_values('v', a)", "count_values(\"v\", a)"),
        PrintCase("limit_ratio(-0.5, a)"),
        PrintCase("quantile(0.9, a)"), PrintCase("limitk(1, a)"),
        PrintCase("start() + end() + step() + range()"),
        PrintCase("max_of(1, min_of(2, 3))"), PrintCase("info(a, {b=~\".*\"})"),
        PrintCase("histogram_quantiles(a, \"q\", 0.5, 0.9)"),
    ]) func calls(_ test: PrintCase) throws { try check(test) }

    private func check(_ test: PrintCase) throws {
        let expression = try PromQLParser.parse(test.text)
        #expect(expression.printed == test.canonical ?? test.text)
        let again = try PromQLParser.parse(expression.printed)
        #expect(again == expression, "printing loses nothing")
        #expect(again.printed == expression.printed)
    }

    @Test(arguments: [
        ("1 + 2 * 3", "(+ 1 (* 2 3))"), ("1 * 2 + 3", "(+ (* 1 2) 3)"),
        ("1 - 2 - 3", "(- (- 1 2) 3)"),
        ("2 ^ 3 ^ 2", "(^ 2 (^ 3 2))"), ("-a ^ b", "(neg (^ a b))"), ("-a * b", "(* (neg a) b)"),
        ("2 ^ -a * b", "(* (^ 2 (neg a)) b)"), ("a ^ -b ^ c", "(^ a (neg (^ b c)))"),
        ("-1 ^ 2", "(neg (^ 1 2))"), ("a or b and c unless d", "(or a (unless (and b c) d))"),
        ("a + b or c and d", "(or (+ a b) (and c d))"), ("a > b + c", "(> a (+ b c))"),
        ("a == b > c", "(> (== a b) c)"), ("a % b atan2 c / d", "(/ (atan2 (% a b) c) d)"),
        ("a * (b + c)", "(* a [(+ b c)])"), ("a offset 5m * 2", "(* a offset 5m 2)"),
        ("a offset -2^2", "(^ a offset -2s 2)"), ("sum(a) by (x) / b", "(/ (sum a) b)"),
        ("a offset step()*0", "(* a offset step() 0)"),
        ("a offset -min_of(1s,2s)+8", "(+ a offset -min_of(1s, 2s) 8)"),
    ]) func precedence(_ text: String, _ tree: String) throws {
        #expect(try PromQLParser.parse(text).tree == tree)
    }
}
