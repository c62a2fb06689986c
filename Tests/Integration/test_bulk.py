"""What ships logs to Elasticsearch ships them here: four official clients, rsyslog and syslog-ng over `_bulk`, and
OpenTelemetry's SDK over OTLP.

Each sends access log lines whose counts must equal an independent count, first undisturbed, then with Tocsin killed in
the middle: nothing that was acknowledged is lost, and what is counted twice is at most what was under way.
"""

import collections
import gzip
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from harness import HOST, PROJECT, wait_until
from test_logs import REQUEST, access_log

CLIENTS = PROJECT / ".build" / "clients"

RULES = """
log_metrics:
  - name: bulk_requests_total
    parse: combined
    labels: [run, status, method]
"""

CHUNK = 200
LINES = 1200


@pytest.fixture(scope="module")
def clients():
    """The folder of clients, filled where the network gives what is missing."""
    subprocess.run([str(PROJECT / "scripts" / "log-shippers.sh")], check=True, timeout=600)
    return CLIENTS


def folder_of(clients, name):
    folder = clients / name
    if not (folder / ".installed").exists():
        print(f"SKIPPED: {name} could not be fetched; run scripts/log-shippers.sh with a network")
        pytest.skip(f"{name} is not in {folder}")
    return folder


@pytest.fixture
def tocsin(make_tocsin):
    return make_tocsin(rules=RULES).start()


def expected(lines):
    return collections.Counter(match.group(2, 1) for line in lines if (match := REQUEST.search(line)))


def counted(tocsin, run):
    return collections.Counter(
        {
            (one["metric"]["status"], one["metric"]["method"]): int(float(one["value"][1]))
            for one in tocsin.query(f'bulk_requests_total{{run="{run}"}}')
        }
    )


def judge(tocsin, run, lines, doubled_max):
    """Waits until all is counted; gives how many documents were counted more than once."""
    want = expected(lines)
    assert sum(want.values()) == len(lines), "every line has a method and a status"
    # By kind: what is counted twice must not stand in for what is not counted yet.
    try:
        wait_until(lambda: not want - counted(tocsin, run), "everything is counted", 30)
    except AssertionError as late:
        raise AssertionError(f"lost: {want - counted(tocsin, run)}") from late
    got = counted(tocsin, run)
    assert got.total() - want.total() <= doubled_max, f"{got.total()} counted of {want.total()}"
    # Counters go on over a restart: none began again.
    assert tocsin.value(f'sum(resets(bulk_requests_total{{run="{run}"}}[1h]))') == 0
    return got.total() - want.total()


def kill_in_the_middle(tocsin, run, total):
    """Kills Tocsin once some of the run is counted and some is not; starts it again."""
    wait_until(lambda: 0 < counted(tocsin, run).total() < total, "the run is on its way", 20, pause=0.005)
    before = counted(tocsin, run).total()
    tocsin.kill()
    tocsin.start()
    after = counted(tocsin, run).total()
    assert after >= before, f"{before - after} documents that were counted are gone"
    assert before < total, "killed too late"


class Library:
    """A run of a client library in a process with its own packages."""

    def __init__(self, make_process, tocsin, folder, package, run, lines):
        path = tocsin.folder / f"{run}.ndjson"
        with open(path, "w") as file:
            for number, line in enumerate(lines):
                document = {
                    "id": f"{run}-{number}",
                    "run": run,
                    "log": line,
                    "@timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
                    "kubernetes": {"container_name": "web"},
                }
                file.write(json.dumps(document) + "\n")
        script = str(PROJECT / "Tests" / "Integration" / "bulk_client.py")
        self.process = make_process(
            f"client-{run}",
            [sys.executable, script, package, tocsin.url, "logs-web-2026.11.24", str(path), str(CHUNK)],
            {**os.environ, "PYTHONPATH": str(folder)},
        )

    def finish(self, total):
        wait_until(lambda: not self.process.is_running, "the client is done", 60)
        assert self.process.process.returncode == 0, self.process.output
        assert f"acknowledged {total}\n" in self.process.output


@pytest.mark.parametrize(
    "name, package",
    [
        ("elasticsearch-7", "elasticsearch"),
        ("elasticsearch-8", "elasticsearch"),
        ("elasticsearch-9", "elasticsearch"),
        ("opensearch", "opensearch"),
    ],
)
def test_official_clients(clients, tocsin, make_process, name, package):
    folder = folder_of(clients, name)
    lines = access_log()[:LINES]
    quiet = Library(make_process, tocsin, folder, package, "quiet", lines)
    quiet.finish(len(lines))
    assert judge(tocsin, "quiet", lines, 0) == 0
    killed = Library(make_process, tocsin, folder, package, "killed", lines)
    kill_in_the_middle(tocsin, "killed", len(lines))
    killed.finish(len(lines))
    # The memory of ids is the process's own: the chunk that was under way may count twice.
    doubled = judge(tocsin, "killed", lines, CHUNK)
    print(f"{name}: {quiet.process.output.splitlines()[0]}, {len(lines)} documents exact; killed: {doubled} twice")


def test_opentelemetry(clients, tocsin, make_process):
    """OTLP numbers nothing, so the batch under way counts twice at most, as everywhere."""
    folder = folder_of(clients, "opentelemetry")
    lines = [line for line in access_log()[:LINES] if line.isascii()]
    script = str(PROJECT / "Tests" / "Integration" / "otlp_client.py")

    def send(run):
        path = tocsin.folder / f"{run}.lines"
        path.write_text("".join(line + "\n" for line in lines))
        return make_process(
            f"otlp-{run}",
            [sys.executable, script, tocsin.url, str(path), run, str(CHUNK)],
            {**os.environ, "PYTHONPATH": str(folder)},
        )

    def finish(process):
        wait_until(lambda: not process.is_running, "the exporter is done", 60)
        assert process.process.returncode == 0, process.output
        assert f"acknowledged {len(lines)}\n" in process.output

    finish(send("quiet"))
    assert judge(tocsin, "quiet", lines, 0) == 0
    killed = send("killed")
    kill_in_the_middle(tocsin, "killed", len(lines))
    finish(killed)
    doubled = judge(tocsin, "killed", lines, CHUNK)
    print(f"opentelemetry: {len(lines)} records exact; killed: {doubled} twice")


def test_otlp_json(tocsin):
    """The same in OTLP's JSON, as a browser or a script sends it."""
    records = [{"body": {"stringValue": line}} for line in access_log()[:50]]
    resource = {"attributes": [{"key": "run", "value": {"stringValue": "json"}}]}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}
    headers = {"Content-Type": "application/json"}
    answer = tocsin.post("/otlp/v1/logs", json.dumps(body).encode(errors="surrogateescape"), headers)
    assert (answer.status, answer.text) == (200, "{}")
    assert counted(tocsin, "json") == expected(access_log()[:50])
    broken = tocsin.post("/v1/logs", b'{"resourceLogs":[', headers)
    assert broken.status == 400 and broken.json()["code"] == 3


def test_bad_input_leaves_others_unaffected(make_tocsin):
    """Broken, huge, slow: a clear answer to each, and those who send well are counted meanwhile."""
    limits = {"bulk_max_decompressed": "2MiB"}
    tocsin = make_tocsin(rules=RULES, settings={"sources": {"http_ingest": limits}}).start()

    def send(body, headers=None, path="/web/_bulk"):
        return tocsin.post(path, body, {"Content-Type": "application/x-ndjson", **(headers or {})})

    line = {"run": "good", "log": access_log()[0]}
    good = b'{"index":{}}\n' + json.dumps(line).encode() + b"\n"
    gzipped = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * (16 << 20), 9)
    for what, answer, status, words in [
        ("no action", send(b"hello\n"), 400, "Malformed action/metadata line [1]"),
        ("no document", send(b'{"index":{}}\n'), 400, "has no document"),
        ("no index", send(b'{"index":{}}\n{}\n', path="/_bulk"), 400, "index is missing"),
        ("gzip cut off", send(gzip.compress(good)[:-6], gzipped), 400, "truncated"),
        ("a gzip bomb", send(bomb, gzipped), 413, "sources.http_ingest.bulk_max_decompressed"),
        ("deep", send(b'{"index":{}}\n' + b'{"a":' * 9999 + b"1" + b"}" * 9999 + b"\n" + good), 200, "nested deeper"),
        ("all kinds of bytes", send(b'{"index":{}}\n{"a":"\x00\xff"}\n' + good), 200, "control character"),
    ]:
        assert answer.status == status and words in answer.text, (what, answer.status, answer.text[:300])
        assert answer.headers["X-Elastic-Product"] == "Elasticsearch", what
    head = f"POST /web/_bulk HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-ndjson\r\n"
    with socket.create_connection((HOST, tocsin.port), timeout=30) as huge:
        huge.sendall(f"{head}Content-Length: {200 << 20}\r\n\r\n".encode())
        answer = huge.recv(4096)
        assert b" 413 " in answer and b"bulk_max_body" in answer and b"X-Elastic-Product" in answer
    slow = [socket.create_connection((HOST, tocsin.port), timeout=30) for _ in range(100)]
    for one in slow:
        one.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + good[:20])
    chunked = socket.create_connection((HOST, tocsin.port), timeout=30)
    chunked.sendall(f"{head}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n".encode())
    assert chunked.recv(4096).startswith(b"HTTP/1.1 100 ")
    for start in range(0, len(good), 7):
        piece = good[start : start + 7]
        chunked.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    chunked.sendall(b"0\r\n\r\n")
    assert b'"errors":false,"items":[' in chunked.recv(4096)
    assert counted(tocsin, "good").total() == 3, "the two good neighbours, and the chunked one"
    # Those who broke off counted nothing, and hold nothing.
    for one in [*slow, chunked]:
        one.close()
    assert send(good).status == 200
    assert counted(tocsin, "good").total() == 4
    refused = tocsin.sources()["bulk"]["refused"]
    assert refused["malformed"] == 4 and refused["decompressed_too_large"] == 1 and refused["invalid_document"] == 2


RSYSLOG = """
global(workDirectory="{work}" net.enableDNS="off")
module(load="imfile")
module(load="omelasticsearch")
template(name="document" type="list") {{
    constant(value="{{\\"run\\":\\"{run}\\",\\"@timestamp\\":\\"")
    property(name="timereported" dateFormat="rfc3339")
    constant(value="\\",\\"log\\":\\"")
    property(name="msg" format="jsonr")
    constant(value="\\"}}")
}}
template(name="index" type="string" string="rsyslog-%$year%.%$month%.%$day%")
input(type="imfile" File="{lines}" Tag="web" Ruleset="ship")
ruleset(name="ship") {{
    action(type="omelasticsearch" server="{host}" serverport="{port}" template="document" searchIndex="index"
        dynSearchIndex="on" searchType="" bulkmode="on" errorFile="{work}/errors-{run}"
        queue.type="linkedList" queue.size="20000" queue.dequeueBatchSize="{chunk}" queue.timeoutShutdown="1000"
        action.resumeRetryCount="-1" action.resumeInterval="1" action.resumeIntervalMax="1")
}}
"""

SYSLOG_NG = """
@version: 3.38
@include "{scl}/elasticsearch/elastic-http.conf"
options {{ stats-freq(0); time-reopen(1); }};
source lines {{ file("{lines}" follow-freq(0.1) flags(no-parse)); }};
destination tocsin {{
    elasticsearch-http(
        url("http://{host}:{port}/_bulk") index("syslog-ng-${{YEAR}}.${{MONTH}}.${{DAY}}") type("")
        workers(1) batch-lines({chunk}) batch-timeout(200) timeout(10)
        template("$(format-json --scope none run={run} log=$MSG @timestamp=$ISODATE)")
    );
}};
log {{ source(lines); destination(tocsin); flags(flow-control); }};
"""


class Shipper:
    """rsyslog or syslog-ng with the lines of one run; it stays until it is stopped."""

    def __init__(self, make_process, tocsin, name, folder, run, lines):
        work = tocsin.folder / f"{name}-{run}"
        work.mkdir()
        (work / "lines").write_text("".join(line + "\n" for line in lines), errors="surrogateescape")
        libraries = folder / "usr/lib/x86_64-linux-gnu"
        values = {"work": work, "lines": work / "lines", "run": run, "host": HOST, "port": tocsin.port, "chunk": CHUNK}
        config = work / "shipper.conf"
        if name == "rsyslog":
            config.write_text(RSYSLOG.format(**values))
            command = [str(folder / "usr/sbin/rsyslogd"), "-n", "-f", str(config), "-i", str(work / "pid")]
            command += ["-M", str(libraries / "rsyslog")]
            paths = [libraries, folder / "lib/x86_64-linux-gnu"]
        else:
            scl = folder / "usr/share/syslog-ng/include/scl"
            config.write_text(SYSLOG_NG.format(scl=scl, **values))
            command = [str(folder / "usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", str(config), "-p", str(work / "pid")]
            command += ["-c", str(work / "control"), "-R", str(work / "persist")]
            command += ["--module-path", str(folder / "usr/lib/syslog-ng/3.38")]
            paths = [libraries, folder / "lib/x86_64-linux-gnu", folder / "usr/lib/syslog-ng"]
        self.errors = work / f"errors-{run}"
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, paths))}
        self.process = make_process(f"{name}-{run}", command, environment, work)

    def stop(self):
        self.process.stop()
        assert not self.errors.exists(), self.errors.read_text()[:500]


@pytest.mark.parametrize("name", ["rsyslog", "syslog-ng"])
def test_syslog_daemons(clients, tocsin, make_process, name):
    folder = folder_of(clients, name)
    lines = [line for line in access_log()[:LINES] if line.isascii()]
    quiet = Shipper(make_process, tocsin, name, folder, "quiet", lines)
    judge(tocsin, "quiet", lines, 0)
    quiet.stop()
    assert judge(tocsin, "quiet", lines, 0) == 0
    # Many more, so that the kill falls into the middle of them.
    many = lines * 3
    killed = Shipper(make_process, tocsin, name, folder, "killed", many)
    kill_in_the_middle(tocsin, "killed", len(many))
    doubled = judge(tocsin, "killed", many, CHUNK)
    killed.stop()
    print(f"{name}: {len(lines)} lines exact; killed: {doubled} of {len(many)} twice")
