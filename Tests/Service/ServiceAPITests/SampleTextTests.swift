import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct SampleTextTests {
    @Test(arguments: [
        (0.0, "0", "0e+00"), (-0.0, "-0", "-0e+00"), (1, "1", "1e+00"), (0.1, "0.1", "1e-01"),
        (-12.5, "-12.5", "-1.25e+01"), (100, "100", "1e+02"), (123456, "123456", "1.23456e+05"),
        (1e-6, "0.000001", "1e-06"), (9.99e-7, "9.99e-07", "9.99e-07"),
        (1e20, "100000000000000000000", "1e+20"), (1e21, "1e+21", "1e+21"),
        (1.5e300, "1.5e+300", "1.5e+300"), (.leastNonzeroMagnitude, "5e-324", "5e-324"),
        (.nan, "NaN", "NaN"),
        (.infinity, "+Inf", "+Inf"), (-.infinity, "-Inf", "-Inf"),
        (0.30000000000000004, "0.30000000000000004", "3.0000000000000004e-01"),
    ])
    func writesNumbersAsGoDoes(_ value: Double, _ plain: String, _ exponent: String) {
        #expect(SampleText.value(value) == plain)
        #expect(SampleText.exponent(value) == exponent)
    }

    @Test(
        arguments: [
            (0, "0", "0"), (1000, "1", "1"), (1500, "1.500", "1.5"), (1050, "1.050", "1.05"),
            (7, "0.007", "0.007"), (-1, "-0.001", "-0.001"), (-1500, "-1.500", "-1.5"),
            (1_700_000_000_120, "1700000000.120", "1700000000.12"),
        ] as [(Int64, String, String)]
    )
    func writesTimes(_ milliseconds: Int64, _ full: String, _ short: String) {
        #expect(SampleText.time(Timestamp(milliseconds: milliseconds)) == full)
        #expect(SampleText.shortTime(Timestamp(milliseconds: milliseconds)) == short)
    }

    @Test(arguments: [
        ("url: https://ann:pw@host/x?y=a:b@c", "url: https://ann:<secret>@host/x?y=a:b@c"),
        ("a://u:p@q:r@h, b://x:y@z", "a://u:<secret>@h, b://x:<secret>@z"),
        ("url: http://127.0.0.1:9468/a@b", "url: http://127.0.0.1:9468/a@b"),
        ("url: http://ann@host", "url: http://ann@host"),
        ("key: ${SECRET}\nlisten: 127.0.0.1:9467", "key: ${SECRET}\nlisten: 127.0.0.1:9467"),
        ("://", "://"), ("", ""),
    ])
    func masksPasswords(_ text: String, _ shown: String) {
        #expect(SecretMask.masked(text) == shown)
    }

    @Test func credentialsOfScrapeConfigsAreMasked() {
        let text = """
            scrape_configs:
              - job_name: a
                basic_auth: {username: u, password: p1, x: y}
              - job_name: b
                authorization:
                  type: Bearer
                  credentials: |
                    p2
                    p3
                  other: 1
                http_headers:
                  X-Key:
                    secrets:
                    - p4
                    values: [v]
                bearer_token_file: /f
            """
        let shown = SecretMask.masked(text)
        #expect(["p1", "p2", "p3", "p4"].allSatisfy { !shown.contains($0) })
        for kept in ["username: u", "type: Bearer", "other: 1", "values: [v]", "/f", "job_name: b"]
        {
            #expect(shown.contains(kept))
        }
    }
}
