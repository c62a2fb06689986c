"""The real access log, shipped by PyPI's fluent-logger over the forward protocol."""

import collections
import re
import socket
import time
import warnings

import msgpack
import pytest
from fluent import sender
from harness import HOST, SHARED, free_port, wait_until

RULES = """
log_metrics:
  - name: http_requests_total
    from: {kubernetes.container_name: apache}
    parse: combined
    labels: [status, method]
"""

REQUEST = re.compile(r'"([A-Z]+) [^"]*" ([0-9]{3}) ')


def access_log():
    path = SHARED / "logs" / "apache_logs"
    if path.exists():
        return path.read_text(errors="surrogateescape").splitlines()
    warnings.warn(f"{path} is absent: the test makes lines of its own")
    return [
        f"10.0.0.{index % 250} - - [17/May/2015:10:05:{59 - index % 60:02} +0000] "
        f'"{"POST" if index % 9 == 0 else "GET"} /page/{index} HTTP/1.1" {[200, 200, 304, 404, 500][index % 5]} 512 "-" "agent"'
        for index in range(3000)
    ]


def independent_counts(lines):
    """Method and status of each line by a regular expression of the test's own."""
    return collections.Counter(match.group(1, 2) for line in lines if (match := REQUEST.search(line)))


def counts_in_rings(tocsin):
    return {
        (one["metric"]["method"], one["metric"]["status"]): float(one["value"][1])
        for one in tocsin.query("sum by (method, status) (http_requests_total)")
    }


def ship(port, lines, emit):
    client = sender.FluentSender("kube.apache", host=HOST, port=port, nanosecond_precision=True, bufmax=64 << 20)
    for line in lines:
        assert emit(client, {"log": line, "stream": "stdout", "kubernetes": {"container_name": "apache"}}), (
            client.last_error
        )
    client.close()


@pytest.fixture
def tocsin(make_tocsin):
    port = free_port()
    daemon = make_tocsin(rules=RULES, settings={"sources": {"forward": {"listen": f"{HOST}:{port}"}}})
    daemon.forward_port = port
    return daemon.start()


def test_status_counts_equal_an_independent_count(tocsin):
    """The time used is the arrival's: when the record was taken in.

    The lines carry times of their own, but these are from 2015 and out of order (half of the steps go back). A count
    by event time would lie outside every window that a rule looks at; so counters grow when records arrive, unless
    a log metric says `event_time: true`.
    """
    lines = access_log()
    expected = independent_counts(lines)
    assert sum(expected.values()) == len(lines), "every line has a method and a status"
    started = time.time()
    ship(tocsin.forward_port, lines, lambda client, record: client.emit(None, record))
    wait_until(
        lambda: tocsin.metric("tocsin_log_metric_records_total", metric="http_requests_total") == len(lines),
        "every line is counted",
        60,
    )
    wait_until(lambda: counts_in_rings(tocsin) == expected, "the rings hold the independent counts", 10)
    assert tocsin.metric("tocsin_log_metric_unparsed_total", metric="http_requests_total") == 0

    # Arrival time: what was counted lies in the seconds of the test, not in 2015.
    samples = [
        (one["metric"], float(at), float(value))
        for one in tocsin.query("http_requests_total[1h]")
        for at, value in one["values"]
    ]
    stamps = [at for _, at, value in samples if value > 0]
    assert started - 1.1 <= min(stamps) and max(stamps) <= time.time() + 0.1
    # Each counter began with a 0 before it, so that rates see its first event too.
    assert len([at for _, at, value in samples if value == 0]) == len(expected)
    source = tocsin.sources()["forward"]
    assert (source["accepted"], source["refused"]) == (len(lines), {})


def test_event_times_of_years_ago_lose_no_count(tocsin):
    """A shipper may send the lines' own times: they are kept on the records, and counting is as exact as before."""
    lines = access_log()[:1000]
    base = 1431857103  # 2015-05-17 10:05:03 UTC
    moments = iter(base + (index * 7919) % 3600 for index in range(len(lines)))
    ship(
        tocsin.forward_port,
        lines,
        lambda client, record: client.emit_with_time(None, sender.EventTime(next(moments)), record),
    )
    wait_until(
        lambda: counts_in_rings(tocsin) == independent_counts(lines), "the rings hold the independent counts", 30
    )


def test_acknowledged_chunks_sent_again_count_once(tocsin):
    """The chunk option: an answer for each chunk, byte for byte, and a repetition adds nothing."""
    record = {
        "log": '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
        "kubernetes": {"container_name": "apache"},
    }
    chunk = "cGFydC1vZi1hLWNodW5r"
    message = msgpack.packb(["kube.apache", [[int(time.time()), record]] * 5, {"chunk": chunk}])
    with socket.create_connection((HOST, tocsin.forward_port), timeout=10) as client:
        for _ in range(3):
            client.sendall(message)
            unpacker = msgpack.Unpacker()
            while not (found := list(unpacker)):
                piece = client.recv(4096)
                assert piece, "the connection stays open"
                unpacker.feed(piece)
            assert found == [{"ack": chunk}]
            # What is acknowledged is in the rings at once.
            assert counts_in_rings(tocsin) == {("GET", "200"): 5}
