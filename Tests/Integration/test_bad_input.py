"""Bad input, as tables: a clear error naming what, where and how to mend; nothing lost; nothing crashes."""

import dataclasses
import re
import socket
import subprocess
import time

import msgpack
import pytest
import remote_write
from harness import HOST, Tocsin, binary, clean_environment, free_port, request, wait_until

# MARK: Files


@dataclasses.dataclass
class BadFile:
    what: str
    text: str
    place: str  # line:column that the message must name
    words: list  # what it must say, how to mend it among them

    def __str__(self):
        return self.what


THRESHOLD = """groups:
  - name: app
    thresholds:
      - alert: Latency
        expr: max(latency_seconds)
        unit: s
        crit: "> 500ms"
"""

BAD_RULES = [
    BadFile("a tab for indentation", "groups:\n\t- name: app\n", "2:1", ["tab"]),
    BadFile("a quote that is never closed", 'groups:\n  - name: "app\n', "3:1", ["quoted", "line 2"]),
    BadFile("an alias", THRESHOLD.replace("unit: s", "unit: *other"), "6:15", ["alias"]),
    BadFile("a list where a mapping is due", "- groups\n", "1:1", ["mapping"]),
    BadFile("an unknown key", THRESHOLD.replace("unit: s", "unti: s"), "6:9", ["unti", "unit"]),
    BadFile("a key that comes twice", THRESHOLD + '        crit: "> 1s"\n', "8:9", ["crit", "7"]),
    BadFile(
        "an expression that ends too soon",
        THRESHOLD.replace("max(latency_seconds)", "max(latency_seconds"),
        "5:34",
        ["unclosed left parenthesis"],
    ),
    BadFile("an unknown function", THRESHOLD.replace("max(", "maxi("), "5:15", ["maxi"]),
    BadFile(
        "a range where an instant vector is due",
        THRESHOLD.replace("max(latency_seconds)", "max(latency_seconds[5m])"),
        "5:19",
        ["range vector", "instant vector"],
    ),
    BadFile(
        "a rate of no range", THRESHOLD.replace("max(latency_seconds)", "max(rate(latency_seconds))"), "5:24", ["range"]
    ),
    BadFile("a quantity of another kind", THRESHOLD.replace("> 500ms", "> 5GiB"), "7:", ["5GiB"]),
    BadFile("a quantity that is no number", THRESHOLD.replace("> 500ms", "> fast"), "7:", ["fast"]),
    BadFile("a threshold without an operator", THRESHOLD.replace("> 500ms", "500ms"), "7:", ["500ms", ">"]),
    BadFile("an unknown unit", THRESHOLD.replace("unit: s", "unit: parsecs"), "6:15", ["parsecs", "percent"]),
    BadFile("an unknown priority", THRESHOLD + "        priority: P5\n", "8:19", ["P5", "P1"]),
    BadFile("warn beyond crit", THRESHOLD + '        warn: "> 2s"\n', "7:15", ["warn", "crit", "> 2s"]),
    BadFile("a threshold without levels", THRESHOLD.replace('        crit: "> 500ms"\n', ""), "4:9", ["warn", "crit"]),
    BadFile("a bad duration", THRESHOLD + "        for: 5 minutes\n", "8:14", ["5 minutes", "5m"]),
    BadFile(
        "a bad regular expression", THRESHOLD.replace("latency_seconds", 'latency_seconds{job=~"(a"}'), "5:", ["(a"]
    ),
    BadFile(
        "an objective over 100 %",
        "groups:\n  - name: slo\n    slos:\n      - name: a\n        objective: 101%\n"
        "        window: 30d\n        sli: {events: {bad: b, total: t}}\n",
        "5:20",
        ["101%"],
    ),
    BadFile("an unknown log parser", "log_metrics:\n  - name: a_total\n    parse: xml\n", "3:12", ["xml", "json"]),
    BadFile("the same alert twice", THRESHOLD + THRESHOLD.split("thresholds:\n")[1], "8:", ["Latency", "4"]),
]


@pytest.mark.parametrize("case", BAD_RULES, ids=str)
def test_rule_files_are_refused_with_their_place(case, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(case.text)
    checked = subprocess.run(
        [binary("sloctl"), "rules", "check", str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )
    assert checked.returncode == 78, checked.stderr
    assert checked.stdout == ""
    assert_names(checked.stderr, str(path), case)


# Each case follows as the third line.
SETTINGS = """rules: [{folder}/rules.yaml]
incidents: {{file: {folder}/oncall.yaml}}
"""

BAD_SETTINGS = [
    BadFile("malformed YAML", "server: {listen: \n", "4:1", ["YAML"]),
    BadFile("an unknown section", "sorces: {}\n", "3:1", ["sorces", "sources"]),
    BadFile("an unknown key", "sources: {forward: {lisen: 1}}\n", "3:21", ["lisen", "listen"]),
    BadFile("a bad duration", "evaluation: {interval: 15 parsecs}\n", "3:24", ["15 parsecs"]),
    BadFile("a bad size", "store: {max_memory: 2 buckets}\n", "3:21", ["2 buckets"]),
    BadFile("a duration out of range", "evaluation: {interval: 1ms}\n", "3:24", ["1ms", "1s"]),
    BadFile("a value of a later version", "samples: elsewhere\n", "3:10", ["embedded"]),
    BadFile(
        "an address without a port", "sources: {forward: {listen: localhost}}\n", "3:29", ["localhost", "HOST:PORT"]
    ),
    BadFile(
        "an endpoint that is no address",
        "sources: {cloudwatch: [{regions: [eu-west-1], endpoint: here}]}\n",
        "3:",
        ["here", "http"],
    ),
    BadFile(
        "a period that CloudWatch does not have",
        "sources: {cloudwatch: [{regions: [eu-west-1], period: 7s}]}\n",
        "3:",
        ["7s", "30s or whole minutes"],
    ),
    BadFile("a variable that is not set", "state: ${NOT_SET_ANYWHERE}\n", "3:8", ["NOT_SET_ANYWHERE"]),
    BadFile(
        "a setting of a later version", "server: {tokens_file: x}\n", "3:23", ["access tokens", "remove this setting"]
    ),
]


@pytest.mark.parametrize("case", BAD_SETTINGS, ids=str)
def test_settings_are_refused_with_their_place(case, make_tocsin):
    daemon = make_tocsin()
    daemon.write("tocsin.yaml", SETTINGS.format(folder=daemon.folder) + case.text)
    for command, code in [(["check"], 1), (["serve"], 78)]:
        checked = subprocess.run(
            [binary("tocsin"), *command, "--config", daemon.config],
            capture_output=True,
            text=True,
            timeout=30,
            env=clean_environment(),
        )
        assert checked.returncode == code, (command, checked.stderr)
        assert_names(checked.stderr, daemon.config, case)


def test_every_problem_of_every_file_is_told_at_once(make_tocsin):
    daemon = make_tocsin(rules=THRESHOLD.replace("unit: s", "unti: s").replace("max(", "maxi("))
    daemon.write("oncall.yaml", "receivers: [{name: hook, webhok: {}}]\n")
    checked = subprocess.run(
        [binary("tocsin"), "check", "--config", daemon.config],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )
    assert checked.returncode == 1
    assert f"{daemon.folder}/rules.yaml:6:9: " in checked.stderr
    assert f"{daemon.folder}/rules.yaml:5:15: " in checked.stderr
    assert re.search(re.escape(f"{daemon.folder}/oncall.yaml:1:") + r"\d+: .*webhok", checked.stderr)


def assert_names(message, path, case):
    places = re.findall(re.escape(path) + r":(\d+:\d+): (.*)", message)
    assert places, f"no file:line:column in {message!r}"
    if not case.place:
        return
    named = [
        text
        for place, text in places
        if place == case.place or (case.place.endswith(":") and place.startswith(case.place))
    ]
    assert named, f"{case.place} is not named in {message!r}"
    for word in case.words:
        assert word in message, f"{word!r} is not in {message!r}"


# MARK: Remote write


def good_message():
    return remote_write.message(
        [({"__name__": "good", "n": str(n)}, [(int(time.time() * 1000), float(n))]) for n in range(50)]
    )


@dataclasses.dataclass
class BadWrite:
    what: str
    body: object  # a function that gives the bytes
    status: int
    words: list
    headers: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        return self.what


BAD_WRITES = [
    BadWrite("truncated snappy", lambda: remote_write.snappy(good_message())[:-10], 400, ["snappy"]),
    BadWrite("snappy that is none", lambda: b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 400, ["snappy"]),
    BadWrite("an empty body", lambda: b"", 400, ["snappy"]),
    BadWrite("truncated protobuf", lambda: remote_write.snappy(good_message()[:-10]), 400, ["prometheus.WriteRequest"]),
    BadWrite(
        "protobuf that is none",
        lambda: remote_write.snappy(b"\x0f\xff\xff\xff\xff\xff"),
        400,
        ["prometheus.WriteRequest"],
    ),
    BadWrite(
        "an endless length in the protobuf",
        lambda: remote_write.snappy(b"\x0a" + b"\xff" * 9 + b"\x01"),
        400,
        ["prometheus.WriteRequest"],
    ),
    BadWrite("a body over the limit", lambda: bytes((16 << 20) + 1), 413, ["16777216", "sources.http_ingest.max_body"]),
    BadWrite(
        "a small body that says it grows over the limit",
        lambda: remote_write.varint(1 << 31) + b"\x00a",
        413,
        ["sources.http_ingest.max_decoded"],
    ),
    BadWrite(
        "JSON", lambda: b"{}", 415, ["application/json", "application/x-protobuf"], {"Content-Type": "application/json"}
    ),
    BadWrite(
        "a remote write that does not exist",
        lambda: b"",
        415,
        ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"],
        {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
    ),
    BadWrite(
        "remote write 1.0 that says it is 2.0",
        lambda: remote_write.snappy(good_message()[:-10]),
        400,
        ["io.prometheus.write.v2.Request"],
        remote_write.HEADERS_V2,
    ),
    BadWrite(
        "a small remote write 2.0 whose labels are large",
        lambda: remote_write.body_v2(
            [{"labels": {"a": "v" * 1_000_000}, "samples": [(1, 1.0)]} for _ in range(100)]
        ),
        413,
        ["67108864", "sources.http_ingest.max_decoded"],
        remote_write.HEADERS_V2,
    ),
    BadWrite("gzip", lambda: b"\x1f\x8b", 415, ["gzip", "snappy"], {"Content-Encoding": "gzip"}),
    BadWrite(
        "a sample of the far future",
        lambda: remote_write.body([({"__name__": "good"}, [(int(time.time() * 1000) + 10**9, 1.0)])]),
        400,
        ["future"],
    ),
]


@pytest.fixture(scope="module")
def intake(tmp_path_factory):
    """One daemon that lives through everything bad that comes in over the network."""
    port = free_port()
    tocsin = Tocsin(
        tmp_path_factory.mktemp("intake"),
        rules="log_metrics:\n  - {name: lines_total, parse: json, labels: [kind]}\n",
        settings={"sources": {"forward": {"listen": f"{HOST}:{port}"}}},
    ).start()
    tocsin.forward_port = port
    yield tocsin
    tocsin.kill()


def acknowledged(tocsin):
    """Writes something, which must then be there whatever came before or comes after."""
    acknowledged.count += 1
    labels = {"__name__": "acknowledged", "number": str(acknowledged.count)}
    tocsin.write_samples([(labels, [(int(time.time() * 1000) - 1, acknowledged.count)])])


acknowledged.count = 0


def nothing_is_lost(tocsin):
    assert tocsin.is_healthy()
    held = {one["metric"]["number"]: float(one["value"][1]) for one in tocsin.query("last_over_time(acknowledged[1h])")}
    assert held == {str(number): number for number in range(1, acknowledged.count + 1)}


@pytest.mark.parametrize("case", BAD_WRITES, ids=str)
def test_remote_write_refuses_and_goes_on(case, intake):
    acknowledged(intake)
    before = intake.metric("tocsin_remote_write_requests_total", status=str(case.status)) or 0
    try:
        answer = intake.post("/api/v1/write", case.body(), {**remote_write.HEADERS, **case.headers})
    except (BrokenPipeError, ConnectionResetError):
        # The answer to a body over the limit may come before the body is through, and cut it off.
        assert case.status == 413
        answer = None
    if answer:
        assert answer.status == case.status, answer.text
        for word in case.words:
            assert word in answer.text, f"{word!r} is not in {answer.text!r}"
    if case.what != "a body over the limit":
        assert intake.metric("tocsin_remote_write_requests_total", status=str(case.status)) == before + 1
    nothing_is_lost(intake)


def test_the_good_samples_of_a_bad_request_are_kept(intake):
    now = int(time.time() * 1000)
    answer = intake.post(
        "/api/v1/write",
        remote_write.body(
            [
                ({"__name__": "mixed", "kind": "good"}, [(now, 1.0)]),
                ({"__name__": "mixed", "kind": "future"}, [(now + 10**9, 1.0)]),
            ]
        ),
        remote_write.HEADERS,
    )
    assert answer.status == 400 and "1 taken" in answer.text, answer.text
    assert [one["metric"]["kind"] for one in intake.query("mixed")] == ["good"]
    source = intake.sources()["remote_write"]
    assert sum(source["refused"].values()) >= 1 and source["advice"] != ""
    listed = intake.sloctl("sources")
    assert listed.returncode == 0 and "remote_write" in listed.stdout
    nothing_is_lost(intake)


# MARK: HTTP


@pytest.mark.parametrize(
    "raw, status",
    [
        (b"GET /-/healthy HTTP/1.1\r\n\r\n", 400),
        (
            b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"HELO tocsin\r\n\r\n", 400),
    ],
    ids=[
        "no host",
        "two lengths",
        "a negative length",
        "a huge length",
        "a long target",
        "many headers",
        "TLS",
        "SMTP",
    ],
)
def test_http_that_is_none_is_refused(raw, status, intake):
    with socket.create_connection((HOST, intake.port), timeout=10) as client:
        try:
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        reply = b""
        try:
            while piece := client.recv(65536):
                reply += piece
        except ConnectionResetError:
            pass
    if reply:
        assert reply.startswith(b"HTTP/1.1 %d " % status), reply[:200]
    else:
        assert status in (413, 414, 431), "only a sender that still sends may miss the answer"
    nothing_is_lost(intake)


@pytest.mark.parametrize(
    "path, status, kind, words",
    [
        ("/api/v1/query?query=sum(", 400, "bad_data", ["1:5"]),
        ("/api/v1/query?query=foo[5m", 400, "bad_data", ["1:"]),
        ("/api/v1/query", 400, "bad_data", ["query"]),
        ("/api/v1/query?query=up&time=soon", 400, "bad_data", ["time", "soon"]),
        ("/api/v1/query_range?query=up&start=0&end=100000&step=1", 400, "bad_data", ["11,000"]),
        ("/api/v1/query_range?query=up&start=10&end=0&step=1", 400, "bad_data", ["end"]),
        ("/api/v1/query?query=acknowledged*on()acknowledged", 422, "execution", ["many"]),
    ],
)
def test_bad_queries_are_answered_as_prometheus_does(path, status, kind, words, intake):
    acknowledged(intake)
    acknowledged(intake)
    answer = intake.get(path)
    assert answer.status == status, answer.text
    document = answer.json()
    assert (document["status"], document["errorType"]) == ("error", kind)
    for word in words:
        assert word in document["error"]
    nothing_is_lost(intake)


def test_unknown_things_are_not_found_in_words(intake):
    answer = intake.get("/v1/slos/nothing")
    assert answer.status == 404 and answer.headers["Content-Type"].startswith("application/problem+json")
    assert "nothing" in answer.json()["detail"]
    assert intake.sloctl("budget", "nothing").returncode == 64
    unreachable = subprocess.run(
        [binary("sloctl"), "budget", "--server", f"http://{HOST}:9"],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )
    assert unreachable.returncode == 69 and "TOCSIN_URL" in unreachable.stderr


# MARK: The forward port


def packed(tag, *records):
    return msgpack.packb([tag, [[int(time.time()), record] for record in records]])


BAD_FORWARD = {
    "bytes that are no MessagePack": b"\xc1\xc1\xc1\xc1",
    "HTTP": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a string that promises 4 GiB": b"\x93\xa3tag\xdb\xff\xff\xff\xff",
    "an array that promises 4 billion": b"\xdd\xff\xff\xff\xff",
    "a message cut in the middle": b"\x93\xa3tag\xce\x00\x00",
    "a record that is no map": b"\x93\xa3tag\xce\x00\x00\x00\x01\xa3abc",
    "a tag that is no text": b"\x93\x01\xce\x00\x00\x00\x01\x80",
    "nesting without an end": b"\x93\xa3tag\xce\x00\x00\x00\x01\x81\xa1k" + b"\x91" * 5000 + b"\xc0",
    "gzip that is none": b"\x93\xa3tag\xc4\x04abcd\x81\xaacompressed\xa4gzip",
}


@pytest.mark.parametrize("what", BAD_FORWARD)
def test_broken_forward_messages_stop_nobody(what, intake):
    acknowledged(intake)
    before = intake.value('lines_total{kind="good"}') or 0
    refused_before = sum(intake.sources()["forward"]["refused"].values())
    with (
        socket.create_connection((HOST, intake.forward_port), timeout=10) as good,
        socket.create_connection((HOST, intake.forward_port), timeout=10) as bad,
    ):
        good.sendall(packed("tag", {"kind": "good"}))
        bad.sendall(BAD_FORWARD[what])
        bad.shutdown(socket.SHUT_WR)
        # It is counted, with a cause and a reason, and the connection is not left hanging.
        wait_until(
            lambda: sum(intake.sources()["forward"]["refused"].values()) > refused_before, "the refusal is counted"
        )
        assert bad.recv(1024) == b""
        good.sendall(packed("tag", {"kind": "good"}))
        wait_until(lambda: intake.value('lines_total{kind="good"}') == before + 2, "the others' records are counted")
    advice = intake.sources()["forward"]["advice"]
    assert "forward" in advice and HOST.split(".")[0] in advice, advice
    nothing_is_lost(intake)


# MARK: CloudWatch


CLOUDWATCH_RULES = (
    THRESHOLD.replace("latency_seconds", "aws_applicationelb_request_count_sum")
    .replace("unit: s", "unit: count")
    .replace("> 500ms", "> 1e12")
)


@pytest.fixture
def stand_in(make_process, tmp_path):
    """The CloudWatch stand-in that `tocsin demo` serves: it verifies signatures as AWS does."""
    port, forward = free_port(), free_port()
    demo = make_process(
        "demo",
        [
            binary("tocsin"),
            "demo",
            "--listen",
            f"{HOST}:{port}",
            "--forward",
            f"{HOST}:{forward}",
            "--secret-file",
            str(tmp_path / "demo.secret"),
        ],
    )
    wait_until(
        lambda: request(port, "POST", "/").status in (400, 403), "the stand-in answers", 30, alive=[demo.process]
    )
    return f"http://{HOST}:{port}"


@dataclasses.dataclass
class BadAccount:
    what: str
    keys: dict
    endpoint: str
    words: list

    def __str__(self):
        return self.what


DEMO_KEYS = {"AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO", "AWS_SECRET_ACCESS_KEY": "demo-secret-of-the-stand-in"}

BAD_ACCOUNTS = [
    BadAccount(
        "a wrong secret key",
        {**DEMO_KEYS, "AWS_SECRET_ACCESS_KEY": "wrong"},
        None,
        ["403", "SignatureDoesNotMatch", "secret access key does not belong"],
    ),
    BadAccount(
        "an unknown access key",
        {**DEMO_KEYS, "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"},
        None,
        ["403", "UnrecognizedClientException", "check the keys"],
    ),
    BadAccount("no keys at all", {}, None, ["AWS_ACCESS_KEY_ID"]),
    BadAccount("an endpoint where nobody listens", DEMO_KEYS, f"http://{HOST}:9", [f"{HOST}:9"]),
    BadAccount("an endpoint that is not CloudWatch", DEMO_KEYS, "itself", ["CloudWatch"]),
]


@pytest.mark.parametrize("case", BAD_ACCOUNTS, ids=str)
def test_a_source_that_cannot_be_read_says_why(case, stand_in, make_tocsin):
    tocsin = make_tocsin(rules=CLOUDWATCH_RULES, environment=case.keys)
    endpoint = {"itself": tocsin.url, None: stand_in}.get(case.endpoint, case.endpoint)
    text = (tocsin.folder / "tocsin.yaml").read_text()
    tocsin.write(
        "tocsin.yaml",
        text + f'sources: {{cloudwatch: [{{regions: [eu-west-1], endpoint: "{endpoint}", period: 1s, delay: 0s}}]}}\n',
    )
    tocsin.start()

    def advice():
        found = [one["advice"] for name, one in tocsin.sources().items() if name.startswith("cloudwatch")]
        return found and all(word in found[0] for word in case.words) and found[0]

    told = wait_until(advice, f"the source's advice has {case.words}", 30)
    assert "\n" not in told and told in tocsin.sloctl("sources").stdout
    assert tocsin.incidents() == [], "a source that cannot be seen is neither well nor ill"
    assert tocsin.is_healthy()
    for secret in case.keys.values():
        if secret != "AKIAUNKNOWN" and len(secret) > 10:
            assert secret not in told + tocsin.log


# MARK: Pagers


ALWAYS = """
groups:
  - name: always
    interval: 1s
    rules:
      - {alert: Always, expr: vector(1), labels: {priority: P3}}
"""


@dataclasses.dataclass
class BadPager:
    what: str
    answers: list  # what the first tries get; later ones 204
    gap: float = 0.0  # seconds that must lie between the first and the second try

    def __str__(self):
        return self.what


BAD_PAGERS = [
    BadPager("500 twice", [500, 503]),
    BadPager("429 with Retry-After", [(429, {"Retry-After": "2"})], gap=1.9),
    BadPager("nothing", [None], gap=4.9),
]


@pytest.mark.parametrize("case", BAD_PAGERS, ids=str)
def test_a_page_is_delivered_at_last(case, make_pager, make_tocsin):
    pager = make_pager(lambda delivery, index: case.answers[index] if index < len(case.answers) else 204)
    tocsin = make_tocsin(rules=ALWAYS, hook=pager.url).start()
    tries = pager.wait_for(lambda got: len(got) > len(case.answers) and got, "the last try", 30)
    assert [one.fault for one in tries] == [None] * len(tries), "every try is signed anew and verifies"
    assert len({one.id for one in tries}) == 1, "one id over all tries"
    assert len({one.body for one in tries}) == 1, "the same content on every try"
    assert tries[1].at - tries[0].at >= case.gap
    delivery = wait_until(
        lambda: next((one for one in tocsin.deliveries() if one["state"] == "delivered"), None), "it is on record"
    )
    assert delivery["id"] == tries[0].id and len(delivery["tries"]) == len(tries)
    statuses = [answer[0] if isinstance(answer, tuple) else answer for answer in case.answers]
    assert [one["status"] for one in delivery["tries"]] == statuses + [204]
    assert all(one["outcome"] for one in delivery["tries"])
    assert tocsin.metric("tocsin_page_tries_total", outcome="failed") == len(case.answers)
    assert tocsin.is_healthy()


def test_a_pager_that_is_not_there_yet_gets_its_page(make_pager, make_tocsin):
    port = free_port()
    tocsin = make_tocsin(rules=ALWAYS, hook=f"http://{HOST}:{port}/page").start()
    failed = wait_until(lambda: next((one for one in tocsin.deliveries() if one["tries"]), None), "a try has failed")
    assert failed["state"] == "pending" and failed["tries"][0]["status"] is None
    assert "connect" in failed["tries"][0]["outcome"].lower()
    pager = make_pager(port=port)
    page = pager.wait_for(lambda got: next(iter(got), None), "the page", 40)
    assert page.fault is None and page.id == failed["id"]


def test_an_answer_that_never_can_be_good_is_dead_and_loud(make_pager, make_tocsin):
    pager = make_pager(lambda delivery, index: 404)
    tocsin = make_tocsin(rules=ALWAYS, hook=pager.url).start()
    dead = wait_until(
        lambda: next((one for one in tocsin.deliveries() if one["state"] == "dead"), None), "the page is dead"
    )
    assert "404" in dead["reason"]
    wait_until(lambda: "page given up" in tocsin.log, "the log says so")
    assert dead["reason"] in tocsin.sloctl("notify", "deliveries").stdout


# MARK: Reload


def test_a_reload_with_a_bad_file_changes_nothing(pager, make_tocsin):
    tocsin = make_tocsin(rules=ALWAYS, hook=pager.url).start()
    pager.wait_for(lambda got: got, "the page")
    assert tocsin.metric("tocsin_config_last_reload_successful") == 1
    tocsin.write_rules(ALWAYS.replace("vector(1)", "vector(1"))
    answer = tocsin.post("/-/reload")
    assert answer.status == 500
    assert f"{tocsin.folder}/rules.yaml:6:" in answer.text and "what was running goes on" in answer.text
    assert tocsin.metric("tocsin_config_last_reload_successful") == 0
    assert f"{tocsin.folder}/rules.yaml:6:" in tocsin.log

    def evaluated():
        group = tocsin.get("/api/v1/rules").json()["data"]["groups"][0]
        return group["lastEvaluation"], group["rules"][0]["query"]

    first = evaluated()
    wait_until(lambda: evaluated()[0] > first[0], "the old rules are evaluated on")
    assert evaluated()[1] == "vector(1)"

    tocsin.write_rules(ALWAYS.replace("vector(1)", "vector(2)"))
    assert tocsin.post("/-/reload").status == 200
    assert tocsin.metric("tocsin_config_last_reload_successful") == 1
    wait_until(lambda: evaluated()[1] == "vector(2)", "the new rules run")
    assert len(tocsin.incidents()) == 1, "the alert goes on through reloads"


def test_a_port_in_use_is_said(make_tocsin):
    first = make_tocsin().start()
    second = make_tocsin(settings={"server": {"listen": f"{HOST}:{first.port}"}})
    checked = subprocess.run(
        [binary("tocsin"), "serve", "--config", second.config],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )
    assert checked.returncode == 1 and f"{HOST}:{first.port}" in checked.stderr and "server.listen" in checked.stderr
    assert first.is_healthy()
