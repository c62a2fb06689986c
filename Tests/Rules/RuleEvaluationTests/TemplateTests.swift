import RuleEvaluation
import Testing
import Timekeeping

@Suite struct TemplateTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var template: String
        var expected: String
        var testDescription: String { template }

        init(_ template: String, _ expected: String) {
            self.template = template
            self.expected = expected
        }
    }

    private static let context = TemplateContext(
        labels: ["job": "api", "instance": "db1.example.com:5432", "empty": "", "code": "500"],
        value: 1234.5678,
        externalLabels: ["region": "eu"],
        externalURL: "https://tocsin.example/base",
        time: Timestamp(milliseconds: 1_700_000_000_000),
        query: { text throws(TemplateError) in
            switch text {
            case "none": return []
            case "boom": throw TemplateError("no such thing")
            default:
                return [
                    TemplateSample(labels: ["job": "web"], value: 2),
                    TemplateSample(labels: ["job": "api"], value: 21),
                ]
            }
        }
    )

    static let cases = [
        Case("plain text", "plain text"),
        Case("{{ $labels.job }} at {{ $value }}", "api at 1234.5678"),
        Case("{{ .Labels.job }} at {{ .Value }}", "api at 1234.5678"),
        Case("{{$labels.nothing}}|{{ .Labels.empty }}|", "||"),
        Case("{{ $externalLabels.region }} {{ .ExternalLabels.region }}", "eu eu"),
        Case("{{ externalURL }} {{ pathPrefix }}", "https://tocsin.example/base /base"),
        Case("{{ $externalURL }}", "https://tocsin.example/base"),
        Case("a {{- \" b \" -}} c", "a b c"),
        Case("a{{/* a comment */}}b", "ab"),
        Case("{{- /* trimmed */ -}} x", "x"),
        Case("{{ `raw \\n` }}", "raw \\n"),
        Case("{{ \"quote \\\" tab \\t u \\u00e9\" }}", "quote \" tab \t u é"),
        Case("{{ 'a' }}", "97"),
        Case("{{ 0x10 }} {{ 1_000 }} {{ -3 }} {{ 1.5e3 }} {{ true }}", "16 1000 -3 1500 true"),
        Case("{{ $value | humanize }}", "1.235k"),
        Case("{{ humanize 0.0123 }} {{ humanize 1234567 }} {{ humanize 0 }}", "12.3m 1.235M 0"),
        Case("{{ humanize 1e-7 }} {{ humanize -5000.0 }}", "100n -5k"),
        Case("{{ humanize1024 1048576.0 }} {{ humanize1024 1 }}", "1Mi 1"),
        Case("{{ humanize1024 1500000000.0 }}", "1.397Gi"),
        Case("{{ humanizeDuration 0 }} {{ humanizeDuration 1 }}", "0s 1s"),
        Case("{{ humanizeDuration 60 }} {{ humanizeDuration 3600 }}", "1m 0s 1h 0m 0s"),
        Case("{{ humanizeDuration 86400 }}", "1d 0h 0m 0s"),
        Case("{{ humanizeDuration 277405.5 }}", "3d 5h 3m 25s"),
        Case("{{ humanizeDuration 0.1 }} {{ humanizeDuration 0.0001 }}", "100ms 100us"),
        Case("{{ humanizeDuration 899.99 }} {{ humanizeDuration 59.99 }}", "14m 59s 59.99s"),
        Case("{{ humanizeDuration -90 }}", "-1m 30s"),
        Case("{{ humanizePercentage 0.1234567 }}", "12.35%"),
        Case("{{ humanizePercentage -0.22222222222222222222 }}", "-22.22%"),
        Case("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        Case("{{ humanizeTimestamp 1700000000 }}", "2023-11-14 22:13:20 +0000 UTC"),
        Case(
            "{{ humanize \"NaN\" }} {{ humanize \"+Inf\" }} {{ humanizeTimestamp \"NaN\" }}",
            "NaN +Inf NaN"
        ),
        Case("{{ humanize \"1000\" }}", "1k"),
        Case("{{ printf \"%.2f\" $value }} {{ printf \"%s=%d\" \"n\" 3 }}", "1234.57 n=3"),
        Case(
            "{{ printf \"%5.1f|%-8s|%08.3f|%+d\" $value \"ab\" 3.14159 7 }}",
            "1234.6|ab      |0003.142|+7"
        ),
        Case("{{ printf \"%v %q %t %%\" 1.5 \"x\" true }}", "1.5 \"x\" true %"),
        Case("{{ printf \"%g %e\" 1e21 12345.678 }}", "1e+21 1.234568e+04"),
        Case("{{ printf \"%d\" 1.5 }}", "%!d(float64=1.5)"),
        Case("{{ printf \"%s\" }} {{ printf \"x\" 1 }}", "%!s(MISSING) x%!(EXTRA int=1)"),
        Case(
            "{{ \"hello world\" | title }} {{ toUpper \"aé\" }} {{ toLower \"ABC\" }}",
            "Hello World AÉ abc"
        ),
        Case("{{ match \"^5..$\" $labels.code }} {{ match \"4\" $labels.code }}", "true false"),
        Case(
            "{{ reReplaceAll \"(.*):(\\\\d+)\" \"$2/$1\" $labels.instance }}",
            "5432/db1.example.com"
        ),
        Case("{{ reReplaceAll \"a*\" \"x\" \"baac\" }}", "xbxcx"),
        Case("{{ reReplaceAll \"(?P<n>b)\" \"<${n}>$$\" \"abc\" }}", "a<b>$c"),
        Case(
            "{{ stripPort \"db:5432\" }} {{ stripDomain $labels.instance }} {{ stripDomain \"10.0.0.1:80\" }}",
            "db db1:5432 10.0.0.1:80"
        ),
        Case("{{ if gt $value 90.0 }}high{{ else }}low{{ end }}", "high"),
        Case(
            "{{ if gt $value 2000 }}high{{ else if gt $value 1000 }}mid{{ else }}low{{ end }}",
            "mid"
        ),
        Case("{{ if eq $labels.job \"web\" \"api\" }}known{{ end }}", "known"),
        Case("{{ if and (eq $labels.job \"api\") (lt $value 5.0) }}a{{ else }}b{{ end }}", "b"),
        Case("{{ if or false $labels.nothing (ne 1 2) }}yes{{ end }}", "yes"),
        Case("{{ if not $labels.empty }}empty{{ end }}", "empty"),
        Case("{{ le 1 1 }} {{ ge 1 2 }} {{ lt \"a\" \"b\" }}", "true false true"),
        Case(
            "{{ with $labels.job }}<{{ . }}>{{ end }}{{ with $labels.empty }}x{{ else }}none{{ end }}",
            "<api>none"
        ),
        Case("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        Case("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        Case("{{ range query \"up\" }}{{ .Labels.job }}={{ .Value }};{{ end }}", "web=2;api=21;"),
        Case("{{ range $i, $s := query \"up\" }}{{ $i }}{{ $s.Labels.job }}{{ end }}", "0web1api"),
        Case("{{ range query \"none\" }}x{{ else }}empty{{ end }}", "empty"),
        Case("{{ range $k, $v := .ExternalLabels }}{{ $k }}:{{ $v }}{{ end }}", "region:eu"),
        Case(
            "{{ query \"up\" | first | value }} {{ query \"up\" | first | label \"job\" }}",
            "2 web"
        ),
        Case("{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}", "2"),
        Case(
            "{{ range sortByLabel \"job\" (query \"up\") }}{{ .Labels.job }} {{ end }}",
            "api web "
        ),
        Case(
            "{{ (query \"up\" | first).Labels.job }} {{ (index (query \"up\") 1).Value }}",
            "web 21"
        ),
        Case("{{ len (query \"up\") }} {{ index $labels \"job\" }} {{ len \"abc\" }}", "2 api 3"),
        Case("{{ print 1 2 \"a\" 3 }} {{ println \"x\" }}", "1 2a3 x\n"),
        Case("{{ $a := args 1 \"b\" }}{{ $a.arg1 }}", "b"),
        Case(
            "{{ now }} {{ toTime 1700000000 }} {{ toDuration 90 }} {{ parseDuration \"1h30m\" }}",
            "1.7e+09 2023-11-14 22:13:20 +0000 UTC 1m30s 5400"
        ),
        Case(
            "{{ urlQueryEscape \"a b&c\" }} {{ html \"<a>\" }} {{ urlquery \"x/y\" }}",
            "a+b%26c &lt;a&gt; x%2Fy"
        ),
        Case("{{ graphLink \"up > 1\" }}", "/graph?g0.expr=up+%3E+1&g0.tab=0"),
        Case("{{ tableLink \"up\" }}", "/graph?g0.expr=up&g0.tab=1"),
        Case("line one\n{{- if true }}\nline two{{ end }}", "line one\nline two"),
        Case(
            "{{ $ }}",
            "map[ExternalLabels:map[region:eu] ExternalURL:https://tocsin.example/base Labels:map[code:500 empty: instance:db1.example.com:5432 job:api] Value:1234.5678]"
        ),
        Case("{{ nil }}", "<no value>"),
        Case(
            "{{ define \"t\" }}<{{ .arg0 }}{{ .arg1 }}>{{ end }}{{ template \"t\" (args \"a\" 9) }}",
            "<a9>"
        ),
        Case(
            "{{ block \"b\" $labels.job }}[{{ . }}{{ $ }}]{{ end }}{{ template \"b\" \"x\" }}",
            "[apiapi][xx]"
        ),
        Case(
            "{{ range 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "02"
        ),
    ]

    @Test(arguments: cases) func expands(_ test: Case) throws {
        #expect(try Template(test.template).expand(TemplateTests.context) == test.expected)
    }

    @Test(arguments: [
        Case(
            "{{ query \"none\" | first }}",
            "error calling first: first() called on vector with no elements"
        ),
        Case("{{ query \"boom\" }}", "error calling query: no such thing"),
        Case("{{ humanize \"abc\" }}", "error calling humanize: can't convert string to float"),
        Case("{{ humanize 1 2 }}", "wrong number of args for humanize: want 1 got 2"),
        Case("{{ eq \"a\" 1 }}", "error calling eq: incompatible types for comparison"),
        Case("{{ .Nope }}", ""),
        Case("{{ $value.Nope }}", "can't evaluate field Nope in type float64"),
        Case("{{ range 1.5 }}{{ end }}", "range can't iterate over 1.5"),
        Case(
            "{{ match \"(\" \"x\" }}",
            "error calling match: invalid regular expression \"(\": missing ): ("
        ),
        Case("{{ index (query \"up\") 7 }}", "error calling index: index out of range: 7"),
        Case(
            "{{ parseDuration \"soon\" }}",
            "error calling parseDuration: not a valid duration string: \"soon\""
        ),
    ])
    func failuresBecomeText(_ test: Case) throws {
        let template = try Template(test.template)
        let (text, failed) = template.expanded(TemplateTests.context, alert: "A")
        guard !test.expected.isEmpty else {
            #expect(text == "<no value>", "a field that a map does not have")
            return
        }
        #expect(failed)
        #expect(
            text == "<error expanding template: error executing template __alert_A: template: "
                + "__alert_A: \(test.expected)>"
        )
    }

    @Test(arguments: [
        Case("{{ $labels.job", "line 1: unclosed action; end it with }}"),
        Case(
            "a\n{{ humanise $value }}",
            "line 2: function \"humanise\" not defined; did you mean humanize?"
        ),
        Case(
            "{{ $label.job }}",
            "line 1: undefined variable \"$label\"; there are $labels, $value, $externalLabels, $externalURL"
        ),
        Case("{{ if true }}x", "line 1: {{if}} without {{end}}"),
        Case("{{ end }}", "line 1: unexpected {{end}}"),
        Case("{{ else }}", "line 1: unexpected {{else}}"),
        Case("{{ if true }}a{{ else }}b{{ else }}c{{ end }}", "line 1: second {{else}}"),
        Case("{{ }}", "line 1: missing value in an action"),
        Case("{{ 1 | 2 }}", "line 1: a value cannot be piped into something that is no function"),
        Case("{{ $value 1 }}", "line 1: only a function takes arguments"),
        Case("{{ (humanize 1 }}", "line 1: missing )"),
        Case("{{ template \"x\" }}", "line 1: template \"x\" not defined"),
        Case("{{ define \"x\" }}a", "line 1: {{define}} without {{end}}"),
        Case(
            "{{ if 1 }}{{ define \"x\" }}a{{ end }}{{ end }}",
            "line 1: {{define}} inside another block"
        ),
        Case("{{ define x }}a{{ end }}", "line 1: a template needs a name in quotes"),
        Case(
            "{{ define \"x\" }}{{ $labels.a }}{{ end }}",
            "line 1: undefined variable \"$labels\"; there are "
        ),
        Case("{{ break }}", "line 1: {{break}} outside {{range}}"),
        Case("{{ \"abc }}", "line 1: unterminated string"),
        Case("{{ \"\\z\" }}", "line 1: unknown escape \\z in a string"),
        Case("{{ 12abc }}", "line 1: bad number \"12abc\""),
        Case("{{ $value # }}", "line 1: unexpected \"#\" in an action"),
        Case("{{/* x", "line 1: unclosed comment"),
        Case(
            "{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}",
            "line 1: undefined variable \"$x\"; there are $labels, $value, $externalLabels, $externalURL"
        ),
    ])
    func wrongSyntaxIsToldAtLoad(_ test: Case) {
        #expect(throws: TemplateError(test.expected)) { try Template(test.template) }
    }

    @Test func limitsEndAnExpansion() throws {
        let few = TemplateLimits(nestingMax: 3, stepsMax: 50, outputBytesMax: 10)
        let long = try Template("{{ \"aaaaaaaaaaaa\" }}", limits: few)
        #expect(throws: TemplateError("the text is longer than 10 bytes")) {
            try long.expand(TemplateTests.context)
        }
        let loop = try Template("{{ range 40 }}{{ \"\" }}{{ end }}", limits: few)
        #expect(throws: TemplateError("more than 50 steps in one template")) {
            try loop.expand(TemplateTests.context)
        }
        let endless = try Template(
            "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
            limits: few
        )
        #expect(throws: TemplateError("templates call each other deeper than 3")) {
            try endless.expand(TemplateTests.context)
        }
        #expect(throws: TemplateError("line 1: nested deeper than 3")) {
            try Template("{{ ((((1)))) }}", limits: few)
        }
    }

    /// Templates that are short themselves and ask for much memory or time on the way.
    @Test(arguments: [
        Case(
            "{{ $x := \"0123456789\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}{{ len $x }}",
            "a value is longer than 65536 bytes"
        ),
        Case(
            "{{ $x := \"0123456789\" }}{{ range 40 }}{{ $x = args $x $x }}{{ end }}{{ $x }}",
            "a value is longer than 4194304 bytes"
        ),
        Case(
            "{{ range 99999 }}{{ range 99999 }}{{ break }}{{ end }}{{ end }}",
            "more than 100000 steps in one template"
        ),
        Case(
            "{{ $x := printf \"%999s%999s%999s%999s\" \"a\" \"b\" \"c\" \"d\" }}"
                + "{{ reReplaceAll \".\" $x $x }}",
            "the text is longer than 1048576 bytes"
        ),
        Case(
            "{{ $x := printf \"%999s%999s%999s%999s\" \"a\" \"b\" \"c\" \"d\" }}"
                + "{{ reReplaceAll \"(.*)\" (reReplaceAll \".\" \"$$1\" $x) $x }}",
            "the text is longer than 1048576 bytes"
        ),
    ])
    func whatGrowsOnTheWayIsBounded(_ test: Case) throws {
        let template = try Template(test.template)
        let error = #expect(throws: TemplateError.self) {
            try template.expand(TemplateTests.context)
        }
        #expect(error?.reason.contains(test.expected) == true, "\(error?.reason ?? "")")
    }

    @Test func resultsOfQueriesMayBeLongerThanTheText() throws {
        var context = TemplateTests.context
        context.query = { _ throws(TemplateError) in
            (0..<1000).map {
                TemplateSample(
                    labels: ["pod": String(repeating: "p", count: 200)],
                    value: Double($0)
                )
            }
        }
        let template = try Template(
            "{{ $n := 0 }}{{ range query \"up\" }}{{ $n = .Value }}{{ end }}{{ $n }}"
        )
        #expect(try template.expand(context) == "999")
    }

    @Test func textWithoutActionsIsConstant() throws {
        #expect(try Template("team {}").constant == "team {}")
        #expect(try Template("{{/* nothing */}}").constant == "")
        #expect(try Template("{{ $value }}").constant == nil)
    }

    @Test(arguments: [
        (0.612, "s", "612 ms"), (1.5, "s", "1.5 s"), (300, "s", "5m 0s"), (0.00025, "s", "250 us"),
        (450, "ms", "450 ms"), (2500, "ms", "2.5 s"), (0.0052, "ratio", "0.52 %"),
        (85, "percent", "85 %"), (1_610_612_736, "bytes", "1.5 GiB"), (4, "per_hour", "4/h"),
        (0.25, "per_second", "0.25/s"), (1_234_567, "count", "1234567"), (200, "usd", "$200"),
        (3, "nodes", "3 nodes"), (.infinity, "s", "+Inf"), (0, "s", "0 s"),
        (12.3456, "count", "12.35"),
    ])
    func valuesAreWrittenInTheirUnit(_ value: Double, _ unit: String, _ expected: String) {
        #expect(QuantityText.text(value, unit: unit) == expected)
    }

    @Test(arguments: [
        (1_000_000.0, "1e+06"), (123456, "123456"), (1234567, "1.234567e+06"), (0.0001, "0.0001"),
        (0.00001, "1e-05"), (-2.5, "-2.5"), (0, "0"), (1e100, "1e+100"), (.nan, "NaN"),
        (100, "100"), (0.1, "0.1"), (-0.0, "-0"),
    ])
    func numbersPrintAsInGo(_ value: Double, _ expected: String) {
        #expect(GoNumber.shortest(value) == expected)
    }
}
