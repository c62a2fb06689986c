"""Documents read from Elasticsearch and OpenSearch are counted exactly once, whatever happens, also over kill -9.

The other side is `search_stand_in`, which the official clients are run against here too.
"""

import collections
import datetime
import random
import ssl
import subprocess
import sys
import threading
import time

import pytest
import search_stand_in
from harness import HOST, PROJECT, free_port, wait_until
from search_stand_in import SearchStandIn
from test_bulk import clients, folder_of  # noqa: F401  (a fixture)

RULES = """
log_metrics:
  - name: es_requests_total
    labels: [status, shop]
  - name: es_by_event_total
    time: event
    labels: [status]
  - name: es_seconds
    type: histogram
    value: seconds
    buckets: [0.1, 0.5, 1]
"""

SOURCE = "elasticsearch/logs-*"


def now_text(back=0.0):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=back)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def document(number, at=None):
    return {
        "@timestamp": at or now_text(),
        "message": f"GET /item/{number} {200 if number % 5 else 503}",
        "status": str(200 if number % 5 else 503),
        "shop": f"s{number % 3}",
        "seconds": (number % 13) / 10,
        "kubernetes": {"container_name": "web"},
    }


def expected(stand_in):
    """An independent count of all that was ever indexed."""
    return collections.Counter((one.source["status"], one.source["shop"]) for one in stand_in.all())


def counted(tocsin):
    return collections.Counter(
        {
            (one["metric"]["status"], one["metric"]["shop"]): int(float(one["value"][1]))
            for one in tocsin.query("es_requests_total")
        }
    )


def settings(stand_in, **more):
    entry = {
        "url": stand_in.url,
        "index": "logs-*",
        "interval": "1s",
        "overlap": "30s",
        "lookback": "1h",
        "page_size": 40,
        "timeout": "5s",
        **more,
    }
    return {"sources": {"elasticsearch": [{key: value for key, value in entry.items() if value is not None}]}}


@pytest.fixture
def make_stand_in():
    made = []

    def make(*arguments, **options):
        made.append(SearchStandIn(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert not one.problems, one.problems


def wait_counted(tocsin, stand_in, deadline=240):
    try:
        wait_until(lambda: counted(tocsin) == expected(stand_in), "all documents are counted", deadline)
    except AssertionError as late:
        got, want = counted(tocsin), expected(stand_in)
        raise AssertionError(f"lost {want - got}, counted too often {got - want}") from late


PRODUCTS = [("elasticsearch", "7.17.9"), ("elasticsearch", "8.17.0"), ("opensearch", "2.11.0"), ("opensearch", "3.3.0")]


@pytest.mark.parametrize("product, version", PRODUCTS)
def test_every_document_is_counted_exactly_once(make_tocsin, make_stand_in, product, version):
    """Late documents, equal timestamps, points in time that are lost, partial answers, refusals, and three kills."""
    stand_in = make_stand_in(product, version)
    tocsin = make_tocsin(rules=RULES, settings=settings(stand_in, keep_alive="5s")).start()
    generator = random.Random(f"{product}{version}")
    total, stop = 1500, threading.Event()
    faults = ["429", "503", "500", "reset", "expire", "partial", "timed_out", "garbage", "html", "cut"]

    def write():
        for number in range(total):
            if stop.is_set():
                return
            day = "2026.11.24" if number % 2 else "2026.11.25"
            # Of one time by the dozen; a sixth is searchable later than its neighbours.
            back = 0.0 if number % 12 else 2.0
            stand_in.add(f"logs-{day}", f"{number % 900}-{number // 900}", document(number, now_text(back)), number % 6 != 0)
            if number % 40 == 0:
                stand_in.refresh()
            if number % 25 == 0:
                with stand_in.lock:
                    # One at a time: in a row they are waited out longer and longer.
                    stand_in.faults[:] = [generator.choice(faults)]
            time.sleep(0.006)
        stand_in.refresh()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for part in (0.2, 0.45, 0.7):
            # Faults in a row are waited out longer and longer, up to minutes.
            wait_until(lambda: counted(tocsin).total() > total * part, "a part is counted", 240, pause=0.003)
            tocsin.kill()
            tocsin.start()
        writer.join()
    finally:
        stop.set()
    wait_counted(tocsin, stand_in)
    # Documents of a time that is read already, searchable only now.
    for number in range(5):
        stand_in.add("logs-2026.11.24", f"late-{number}", document(number, now_text(2)), refresh=False)
    opened = stand_in.opened
    wait_until(lambda: stand_in.opened > opened + 2, "it is read without them", 120)
    stand_in.refresh()
    wait_counted(tocsin, stand_in)
    assert tocsin.metric("tocsin_elasticsearch_late_total") == 5
    # And nothing more comes of further reads.
    opened = stand_in.opened
    wait_until(lambda: stand_in.opened > opened + 3, "it is read three more times", 120)
    assert counted(tocsin) == expected(stand_in)
    assert tocsin.value("sum(resets(es_requests_total[1h]))") == 0
    by_event = collections.Counter(one.source["status"] for one in stand_in.all())
    assert {
        one["metric"]["status"]: float(one["value"][1]) for one in tocsin.query("es_by_event_total")
    } == by_event
    seconds = [one.source["seconds"] for one in stand_in.all()]
    assert tocsin.value("es_seconds_count") == len(seconds)
    assert tocsin.value("es_seconds_sum") == pytest.approx(sum(seconds))
    assert tocsin.value('es_seconds_bucket{le="0.5"}') == sum(1 for one in seconds if one <= 0.5)
    source = tocsin.sources()[SOURCE]
    assert source["state"] == "ok" and source["lag_seconds"] is not None
    wait_until(lambda: stand_in.open_points <= 1, "points in time are given back")


def test_a_page_in_doubt_is_neither_lost_nor_doubled(make_tocsin, make_stand_in):
    """Killed again and again while a backlog is read, page by page."""
    stand_in = make_stand_in()
    for number in range(4000):
        stand_in.add("logs-a", str(number), document(number, now_text(600 - number // 100)))
    tocsin = make_tocsin(rules=RULES, settings=settings(stand_in, page_size=25))
    for kill in range(6):
        tocsin.start()
        before = counted(tocsin).total()
        wait_until(lambda: counted(tocsin).total() > before, "it goes on", 20, pause=0.001)
        tocsin.kill()
    tocsin.start()
    wait_counted(tocsin, stand_in)


def test_it_begins_lookback_ago_and_goes_on_from_its_position(make_tocsin, make_stand_in):
    stand_in = make_stand_in()
    for number, back in enumerate((7200, 3000, 100, 1)):
        stand_in.add("logs-a", str(number), document(number, now_text(back)))
    tocsin = make_tocsin(rules=RULES, settings=settings(stand_in, lookback="50m5s")).start()
    wait_until(lambda: counted(tocsin).total() == 3, "what is in lookback is counted")
    assert tocsin.stop()[0] == 0
    for number in range(10, 16):
        stand_in.add("logs-b", str(number), document(number))
    tocsin.start()
    wait_until(lambda: counted(tocsin).total() == 9, "what came meanwhile is counted")


def test_queries_select(make_tocsin, make_stand_in):
    stand_in = make_stand_in()
    for number in range(60):
        stand_in.add("logs-a", str(number), document(number))
    for query in ("status:503 AND shop:s1", {"bool": {"filter": [{"term": {"status": "503"}}, {"term": {"shop": "s1"}}]}}):
        tocsin = make_tocsin(rules=RULES, settings=settings(stand_in, query=query)).start()
        want = sum(1 for one in stand_in.all() if (one.source["status"], one.source["shop"]) == ("503", "s1"))
        wait_until(lambda: counted(tocsin).total() == want, f"{query} is counted")
        tocsin.kill()


KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
SIGNED = (KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], "eu-west-1")

AUTHENTICATIONS = [
    pytest.param("elasticsearch", search_stand_in.basic("ann", "s3cret"), {"basic": {"username": "ann", "password_file": "S"}}, "s3cret", id="basic"),
    pytest.param("elasticsearch", search_stand_in.api_key("id1", "key1"), {"api_key_file": "S"}, "id1:key1", id="api key"),
    pytest.param("elasticsearch", search_stand_in.api_key("id1", "key1"), {"api_key_file": "S"}, "aWQxOmtleTE=", id="encoded api key"),
    pytest.param("opensearch", search_stand_in.sigv4(*SIGNED, "es"), {"sigv4": {"region": "eu-west-1"}}, None, id="es"),
    pytest.param("opensearch", search_stand_in.sigv4(*SIGNED, "es", "token/+="), {"sigv4": {"region": "eu-west-1"}}, None, id="es with a session"),
    pytest.param("opensearch", search_stand_in.sigv4(*SIGNED, "aoss"), {"sigv4": {"region": "eu-west-1", "service": "aoss"}}, None, id="aoss"),
]  # fmt: skip


@pytest.mark.parametrize("product, auth, given, secret", AUTHENTICATIONS)
def test_it_proves_who_asks(make_tocsin, make_stand_in, tmp_path, product, auth, given, secret):
    # A collection of OpenSearch Serverless does not answer GET /.
    stand_in = make_stand_in(product, auth=auth, answers_root=auth.get("service") != "aoss")
    stand_in.add("logs-a", "1", document(1))
    stand_in.add("other-1", "1", document(2))
    path = tmp_path / "secret-file"
    path.write_text(f"{secret}\n")

    def placed(value):
        if isinstance(value, dict):
            return {key: placed(inner) for key, inner in value.items()}
        return str(path) if value == "S" else value

    environment = dict(KEYS) if auth["kind"] == "sigv4" else {}
    if auth["kind"] == "sigv4" and auth["credentials"].token:
        environment["AWS_SESSION_TOKEN"] = auth["credentials"].token
    tocsin = make_tocsin(
        rules=RULES,
        settings=settings(stand_in, auth=placed(given), index="logs-*,other-*", name="signed"),
        environment=environment,
    ).start()
    wait_until(lambda: counted(tocsin).total() == 2, "the documents are counted")
    assert stand_in.refused == 0, stand_in.requests
    for text in (tocsin.log, tocsin.get("/api/v1/status/config").text, tocsin.get("/metrics").text):
        assert (secret or KEYS["AWS_SECRET_ACCESS_KEY"]) not in text


def failing(tocsin, says, name=SOURCE, deadline=20):
    def told():
        source = tocsin.sources().get(name, {})
        return source if source.get("state") == "failing" and says in source["advice"] else None

    return wait_until(told, f"the source says {says!r}", deadline)


def test_what_is_wrong_is_said_with_its_remedy(make_tocsin, make_stand_in, tmp_path):
    stand_in = make_stand_in(auth=search_stand_in.basic("ann", "right"))
    stand_in.add("logs-a", "1", document(1))
    path = tmp_path / "password"
    path.write_text("wrong\n")
    auth = {"basic": {"username": "ann", "password_file": str(path)}}
    tocsin = make_tocsin(rules=RULES, settings=settings(stand_in, auth=auth)).start()
    failing(tocsin, 'check user "ann" and the password in')
    # A file that is mended is read anew.
    path.write_text("right\n")
    wait_until(lambda: counted(tocsin).total() == 1, "it is read once the password is right")
    wait_until(lambda: tocsin.sources()[SOURCE]["state"] == "ok", "the source is well")
    stand_in.forbids = True
    failing(tocsin, 'the privilege "read" on logs-*')
    stand_in.forbids = False
    # An index whose mapping lacks the field breaks the sort of all.
    stand_in.create("logs-broken", mapped=())
    failing(tocsin, "set time_field to a mapped date")
    with stand_in.lock:
        del stand_in.mappings["logs-broken"]
    wait_until(lambda: tocsin.sources()[SOURCE]["state"] == "ok", "the source is well")
    listed = tocsin.sloctl("sources").stdout
    assert SOURCE in listed
    stand_in.stop()
    failing(tocsin, "connection refused")
    assert tocsin.is_healthy()


@pytest.mark.parametrize("index, says", [("nothing-*", 'no index fits "nothing-*"'), ("nothing", "no such index [nothing]")])
def test_an_index_that_is_not_there_is_a_failure(make_tocsin, make_stand_in, index, says):
    stand_in = make_stand_in()
    stand_in.create("logs-a")
    tocsin = make_tocsin(rules=RULES, settings=settings(stand_in, index=index, name="n")).start()
    failing(tocsin, says, "elasticsearch/n")


def certificate(folder):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stand-in"]
    command += ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_certificates_are_checked(make_tocsin, make_stand_in, tmp_path):
    stand_in = make_stand_in(tls=certificate(tmp_path))
    stand_in.add("logs-a", "1", document(1))
    tocsin = make_tocsin(rules=RULES, settings=settings(stand_in)).start()
    failing(tocsin, "give the cluster's certificate authority as tls.ca_file")
    tls = {"ca_file": str(tmp_path / "cert.pem")}
    other = make_tocsin(rules=RULES, settings=settings(stand_in, tls=tls)).start()
    wait_until(lambda: counted(other).total() == 1, "it is read once the authority is known")


BLIND = """
log_metrics:
  - {name: es_errors_total, where: 'status == 503', labels: [shop]}
groups:
  - name: g
    interval: 1s
    rules:
      - alert: Errors
        expr: sum(increase(es_errors_total[30s])) > 0.5
        labels: {severity: critical}
log_rules:
  - alert: Silence
    type: flatline
    threshold: 1
    timeframe: 4s
    every: 1s
    late: 1s
"""


def test_a_source_that_cannot_be_read_is_not_taken_for_silence(make_tocsin, make_stand_in, pager):
    port = free_port()
    stand_in = make_stand_in(port=port)
    stand_in.create("logs-a")
    tocsin = make_tocsin(rules=BLIND, hook=pager.url, settings=settings(stand_in)).start()
    number = 0

    def write(status):
        nonlocal number
        number += 1
        stand_in.add("logs-a", str(number), {**document(number), "status": status})
        return True

    def open_incidents():
        return {one["labels"].get("alertname") for one in tocsin.incidents() if one["state"] != "resolved"}

    write("200")
    wait_until(lambda: write("503") and "Errors" in open_incidents(), "the errors are told of", 30, pause=0.2)
    # From here on nobody can see the documents: nothing resolves, and no silence is told of.
    documents, mappings = stand_in.documents, stand_in.mappings
    stand_in.stop()
    failing(tocsin, "connection refused")
    silent_from = time.monotonic()
    rule = lambda: next(  # noqa: E731
        one
        for group in tocsin.get("/api/v1/rules").json()["data"]["groups"]
        for one in group["rules"]
        if one["name"] == "Errors"
    )
    wait_until(lambda: rule()["health"] == "err" and "connection refused" in rule()["lastError"], "the rule says that it is blind", 60)
    wait_until(lambda: time.monotonic() - silent_from > 20, "a time passes that is longer than all windows", 30)
    assert "Silence" not in open_incidents()
    assert "Errors" in open_incidents()
    back = make_stand_in(port=port)
    back.documents, back.mappings = documents, mappings
    wait_until(lambda: tocsin.sources()[SOURCE]["state"] == "ok", "the source is read again", 70)
    wait_until(lambda: "Errors" not in open_incidents(), "seen again, the errors are over", 60)
    # And now the silence is one.
    wait_until(lambda: "Silence" in open_incidents(), "silence is told of", 60)


@pytest.mark.parametrize("folder, package, product, version", [
    ("elasticsearch-7", "elasticsearch", "elasticsearch", "7.17.9"),
    ("elasticsearch-8", "elasticsearch", "elasticsearch", "8.17.0"),
    ("elasticsearch-9", "elasticsearch", "elasticsearch", "9.0.0"),
    ("opensearch", "opensearchpy", "opensearch", "2.11.0"),
])  # fmt: skip
def test_the_stand_in_satisfies_the_official_clients(make_stand_in, clients, folder, package, product, version):  # noqa: F811
    path = folder_of(clients, folder)
    stand_in = make_stand_in(product, version, auth=search_stand_in.basic("ann", "pw"))
    for number in range(95):
        stand_in.add(f"logs-{number % 2}", str(number), document(number, now_text(100 - number // 7)))
    stand_in.add("logs-0", "hidden", document(1), refresh=False)
    script = str(PROJECT / "Tests" / "Integration" / "search_client.py")
    done = subprocess.run(
        [sys.executable, script, package, stand_in.url, "logs-*", "10", "ann", "pw"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    *ids, last = done.stdout.split()
    assert last == "closed" and sorted(ids) == sorted(str(number) for number in range(95))
    assert stand_in.opened == stand_in.closed == 1
