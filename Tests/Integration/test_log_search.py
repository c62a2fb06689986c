"""The log rings searched over HTTP and by `sloctl logs`, against a search of the test's own in Python."""

import json
import os
import random
import subprocess
import time
import urllib.parse

import pytest
from fluent import sender
from harness import HOST, binary, free_port, wait_until

NAMESPACES = ["shop", "billing"]
CONTAINERS = ["web", "api", "db"]


@pytest.fixture
def tocsin(make_tocsin):
    port = free_port()
    daemon = make_tocsin(settings={"sources": {"forward": {"listen": f"{HOST}:{port}"}}})
    daemon.forward_port = port
    return daemon.start()


def ship(tocsin, tag, records):
    """Records with their event times, by the forward protocol."""
    client = sender.FluentSender(tag, host=HOST, port=tocsin.forward_port, nanosecond_precision=True, bufmax=64 << 20)
    for at, record in records:
        assert client.emit_with_time(None, sender.EventTime(at), record), client.last_error
    client.close()


def search(tocsin, **parameters):
    pairs = [(name, one) for name, value in parameters.items() for one in (value if isinstance(value, list) else [value])]
    answer = tocsin.get("/v1/logs?" + urllib.parse.urlencode(pairs))
    assert answer.status == 200, answer.text
    return answer.json()


def held(tocsin):
    return search(tocsin, limit=1)["held"]["records"]


def generated(count, seed):
    """Records in both shapes of Kubernetes' metadata, some with JSON text, out of order by event time."""
    chance = random.Random(seed)
    now = int(time.time())
    for index in range(count):
        namespace, container = chance.choice(NAMESPACES), chance.choice(CONTAINERS)
        status = chance.choice([200, 200, 404, 500, 503])
        if index % 2:
            kubernetes = {"namespace_name": namespace, "container_name": container, "pod_name": f"{container}-{index % 7}"}
        else:
            kubernetes = {
                "namespace": namespace,
                "container": {"name": container},
                "pod": {"name": f"{container}-{index % 7}"},
            }
        record = {"kubernetes": kubernetes}
        if index % 3:
            record |= {"log": f"request {index} took {chance.randrange(900)}ms\n", "status": status}
        else:
            record["log"] = json.dumps({"msg": f"request {index}", "status": status})
        yield now - chance.randrange(600), record, (namespace, container, status, index)


def test_what_is_found_equals_an_independent_search(tocsin):
    made = list(generated(900, 7))
    ship(tocsin, "kube", [(at, record) for at, record, _ in made])
    wait_until(lambda: held(tocsin) == len(made), "every record is held")

    def expected(check):
        found = [one for one in made if check(*one[2], one[0])]
        return [index for at, _, (_, _, _, index) in sorted(found, key=lambda one: (one[0], one[2][3]))]

    def found(**parameters):
        answer = search(tocsin, limit=5000, direction="forward", **parameters)
        assert answer["complete"] and not answer["more"]
        numbers = []
        for record in answer["records"]:
            text = record["fields"]["log"]
            numbers.append(int((json.loads(text)["msg"] if text.startswith("{") else text).split()[1]))
        return numbers

    assert found() == expected(lambda *_: True)
    assert found(match='{namespace="shop",container=~"web|api"}') == expected(
        lambda namespace, container, *_: namespace == "shop" and container in ("web", "api")
    )
    # A field of the record or of the JSON text in it, whichever there is.
    assert found(where="status >= 500") == expected(lambda n, c, status, *_: status >= 500)
    # One name for both shapes.
    assert found(where="kubernetes.pod_name == web-3") == expected(
        lambda n, container, s, index, at: container == "web" and index % 7 == 3
    )
    assert found(regex=r"took \d\dms") == [
        index
        for index in expected(lambda *_: True)
        if index % 3 and len(made[index][1]["log"].split()[3]) == 4
    ]
    assert found(contains="REQUEST 1", without="took") == expected(
        lambda n, c, s, index, at: index % 3 == 0 and str(index).startswith("1")
    )
    middle = int(time.time()) - 300
    assert found(start=middle) == expected(lambda n, c, s, index, at: at >= middle)
    # The newest first, as many as asked for, and it is said that there are more.
    newest = search(tocsin, limit=7)
    assert newest["more"] and newest["order"] == "backward"
    times = [record["time"] for record in newest["records"]]
    assert len(times) == 7 and times == sorted(times, reverse=True)
    lines = tocsin.get("/v1/logs?limit=3", {"Accept": "application/x-ndjson"})
    assert [json.loads(line)["tag"] for line in lines.text.splitlines()] == ["kube"] * 3
    assert tocsin.post("/v1/logs").status in (400, 405, 415), "a search is a GET"


def test_mistakes_are_told_all_at_once(tocsin):
    answer = tocsin.get("/v1/logs?" + urllib.parse.urlencode({"limit": "many", "regex": "(", "start": "soon"}))
    assert answer.status == 400 and answer.headers["Content-Type"] == "application/problem+json"
    detail = answer.json()["detail"]
    for words in ("limit must be", "invalid regular expression", "start must be a time"):
        assert words in detail
    gone = search(tocsin, since="2h")
    assert "no longer held" in gone["notes"][0], "the rings are empty after a start, and that is said"


def test_following_is_told_and_not_polled(tocsin):
    process = subprocess.Popen(
        [binary("sloctl"), "logs", "-f", "-c", "web", "--format", "text"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**tocsin.environment, "TOCSIN_URL": tocsin.url},
    )
    try:
        wait_until(lambda: tocsin.metric("tocsin_log_followers") == 1, "sloctl waits")
        before = tocsin.metric("tocsin_log_searches_total")
        records = [{"log": f"line {index}", "kubernetes": {"container_name": "web"}} for index in range(3)]
        for record in records:
            ship(tocsin, "kube", [(time.time(), {"log": "other"}), (time.time(), record)])
            line = process.stdout.readline()
            assert line.endswith(f" web  {record['log']}\n"), line
            assert "\x1b" not in line, "no colours in a pipe"
        assert tocsin.metric("tocsin_log_searches_total") - before <= 4 * len(records) + 4
    finally:
        process.kill()
        process.communicate()
    wait_until(lambda: tocsin.metric("tocsin_log_followers") == 0, "the server notices that nobody waits", 70)


def test_the_command(tocsin):
    now = time.time()
    ship(
        tocsin,
        "kube",
        [
            (now - 30, {"log": "GET /a 200", "kubernetes": {"namespace_name": "shop", "container_name": "web"}}),
            (now - 20, {"log": "GET /b 500\nTraceback", "kubernetes": {"namespace": "shop", "pod": {"name": "web-2"}}}),
            (now - 10, {"message": "disk \x1b[31mfull", "level": "error"}),
        ],
    )
    wait_until(lambda: held(tocsin) == 3, "the records are held")
    text = tocsin.sloctl("logs")
    assert text.returncode == 0, text.stderr
    lines = text.stdout.splitlines()
    assert lines[0].endswith("shop/web  GET /a 200") and lines[1].endswith("shop  GET /b 500")
    assert lines[2] == "    Traceback" and lines[3].endswith(r"kube  disk \x1b[31mfull")
    one = tocsin.sloctl("logs", "get", "-n", "sh.*", "--pod", "web-2", "--since", "1m", "--format", "json")
    assert [json.loads(line)["fields"]["log"] for line in one.stdout.splitlines()] == ["GET /b 500\nTraceback"]
    none = tocsin.sloctl("logs", "no such text", "--since", "3h")
    assert none.returncode == 0 and none.stdout == ""
    assert "No records." in none.stderr and "no longer held" in none.stderr
    wrong = tocsin.sloctl("logs", "--where", "status >")
    assert wrong.returncode == 64 and "value after the comparison is missing" in wrong.stderr


def test_the_time_has_a_bound(tocsin):
    records = [(time.time(), {"log": "x" * 2000 + str(index)}) for index in range(4000)]
    ship(tocsin, "kube", records)
    wait_until(lambda: held(tocsin) == len(records), "the records are held", 60)
    answer = search(tocsin, regex="(x+x+)+y", timeout="1ms")
    assert not answer["complete"] and "narrow match" in answer["notes"][0]
    assert os.environ.get("TOCSIN_BIN") is None or tocsin.is_healthy()
