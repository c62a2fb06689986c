"""log_rules in the running service: an alert is an incident with its lines, kept over a stop and over kill -9."""

import time

import pytest
from fluent import sender
from harness import HOST, SECRET, Pager, free_port, wait_until

RULES = """
log_rules:
  - alert: LoginFailures
    type: frequency
    from: {kubernetes.container: auth}
    where: contains "login failed"
    key: user
    num_events: 5
    timeframe: 10m
    priority: P2
    action: Look at the addresses
    resolve_after: 1h
  - alert: NewCountry
    type: new_term
    fields: country
    learn: 0s
    resolve_after: 3s
log_streams:
  - from: {kubernetes.container: api}
    multiline: python
log_metrics:
  - name: lines_total
    labels: [user]
"""


@pytest.fixture
def pager():
    pager = Pager()
    yield pager
    pager.stop()


@pytest.fixture
def tocsin(make_tocsin, pager):
    port = free_port()
    daemon = make_tocsin(
        rules=RULES, hook=pager.url, settings={"sources": {"forward": {"listen": f"{HOST}:{port}"}}}
    )
    daemon.forward_port = port
    return daemon.start()


def ship(tocsin, *records, acknowledged=True):
    client = sender.FluentSender("kube", host=HOST, port=tocsin.forward_port, nanosecond_precision=True)
    before = tocsin.sources().get("forward", {}).get("accepted", 0)
    for record in records:
        assert client.emit_with_time(None, sender.EventTime(time.time()), record), client.last_error
    client.close()
    wait_until(lambda: tocsin.sources()["forward"]["accepted"] == before + len(records), "the records are taken")


def failure(index, user="ann", container="auth"):
    return {"log": f"login failed for {user} ({index})\n", "user": user, "kubernetes": {"container_name": container}}


def test_an_alert_has_its_lines_and_outlives_the_process(tocsin, pager):
    ship(tocsin, *[failure(index) for index in range(3)], failure(0, "bob"), failure(0, container="other"))
    ship(tocsin, {"log": "login ok", "user": "ann", "kubernetes": {"container_name": "auth"}})
    assert tocsin.incidents() == []
    assert tocsin.stop()[0] == 0
    tocsin.start()
    ship(tocsin, failure(3), failure(4))
    (incident,) = wait_until(tocsin.incidents, "the fifth failure opens an incident")
    assert incident["priority"] == "P2" and incident["labels"]["user"] == "ann"
    assert incident["summary"] == "LoginFailures user=ann: 5 records within 10m"
    detail = tocsin.get(f"/v1/incidents/{incident['id']}").json()
    assert [line["text"] for line in detail["lines"]] == [f"login failed for ann ({index})" for index in (3, 4)]
    page = pager.wait_for(lambda got: got and got[0], "the page")
    assert page.fault is None and page.incident["alerts"][0]["lines"][-1]["text"] == "login failed for ann (4)"
    shown = tocsin.sloctl("incident", "get", incident["id"])
    assert "auth  login failed for ann (4)" in shown.stdout
    assert "login failed for ann (4)" in tocsin.get(f"/ui/incidents/{incident['id']}").text
    assert "LoginFailures" in tocsin.sloctl("alerts").stdout

    tocsin.kill()
    tocsin.start()
    ship(tocsin, *[failure(index) for index in range(5, 15)])
    wait_until(
        lambda: tocsin.metric("tocsin_log_rule_matches_total", rule="LoginFailures") == 2, "the rule matches again"
    )
    assert len(tocsin.incidents()) == 1, "it fires already: one incident, one page"
    assert [one.kind for one in pager.snapshot()] == ["incident.opened"]


def test_an_alert_ends_when_it_is_quiet(tocsin, pager):
    ship(tocsin, {"log": "hello", "country": "ua"})
    wait_until(lambda: [one["state"] for one in tocsin.incidents()] == ["resolved"], "it is resolved", 30)
    ship(tocsin, {"log": "hello", "country": "ua"})
    assert len(tocsin.incidents()) == 1, "a known value is none"


def test_a_stack_trace_is_one_record_in_the_ring(tocsin):
    trace = ["Traceback (most recent call last):", '  File "/a.py", line 1, in f', "    x()", "ValueError: no"]
    ship(tocsin, *[{"log": line + "\n", "kubernetes": {"container": {"name": "api"}}} for line in trace])
    found = wait_until(
        lambda: tocsin.get("/v1/logs?match=container%3D%22api%22").json()["records"], "the trace is kept", 10
    )
    assert [record["fields"]["log"] for record in found] == ["\n".join(trace)]
    assert tocsin.value("sum(lines_total)") == 1


def test_a_reload_tells_what_is_wrong(tocsin):
    tocsin.write_rules(RULES.replace("type: frequency", "type: frequent"))
    answer = tocsin.post("/-/reload")
    assert answer.status == 500 and 'unknown type "frequent"; did you mean "frequency"?' in answer.text
    assert SECRET not in answer.text
