"""The life of an incident in the real service: levels, acknowledgement, restart, escalation, second channel, PagerDuty."""

import json
import struct
import time

import pytest
from harness import oncall, wait_until

RULES = """
groups:
  - name: load
    interval: 1s
    thresholds:
      - alert: Overload
        expr: max by (host) (load)
        unit: percent
        warn: "> 70%"
        crit: "> 85%"
        clear: "< 60%"
        priority: {warn: P3, crit: P1}
        action: Scale
        runbook: runbooks/cpu.md
"""

# What Prometheus writes when a series ends.
(STALE,) = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))


def write(tocsin, value, host="a"):
    tocsin.write_samples([({"__name__": "load", "host": host}, [(int(time.time() * 1000), value)])])


def kinds(deliveries):
    return [one.kind.removeprefix("incident.") for one in deliveries]


def told(pager, *expected):
    """Waits until the pager has exactly these messages."""
    pager.wait_for(lambda got: kinds(got) == list(expected), f"the messages {expected}")
    return pager.snapshot()


def test_an_incident_is_one_story(pager, make_tocsin):
    tocsin = make_tocsin(rules=RULES, hook=pager.url).start()
    write(tocsin, 75)
    (opened,) = told(pager, "opened")
    assert (opened.incident["priority"], opened.incident["level"]) == ("P3", "warn")
    name = opened.incident["id"]

    # It gets worse: the same incident, raised in place.
    write(tocsin, 90)
    raised = told(pager, "opened", "raised")[1]
    assert (raised.incident["id"], raised.incident["priority"], raised.incident["level"]) == (name, "P1", "crit")

    # Somebody takes it, from a terminal.
    listed = tocsin.sloctl("incident", "list")
    assert listed.returncode == 0 and name in listed.stdout and "P1" in listed.stdout
    assert tocsin.sloctl("incident", "ack", name, "--by", "ann").returncode == 0
    acknowledged = told(pager, "opened", "raised", "acknowledged")[2]
    assert acknowledged.incident["acknowledged_by"] == "ann" and acknowledged.message["call"] is False
    assert tocsin.sloctl("incident", "note", name, "looking at the pool", "--by", "ann").returncode == 0

    # A crash changes nothing, and nobody is told anything again.
    tocsin.kill()
    tocsin.start()
    write(tocsin, 90)
    shown = json.loads(tocsin.sloctl("incident", "get", name, "-o", "json").stdout)
    assert (shown["state"], shown["acknowledged_by"]) == ("acknowledged", "ann")

    # The source goes silent: nothing is resolved by not looking.
    write(tocsin, STALE)
    wait_until(lambda: tocsin.query("load") == [], "the series has ended")
    blind = wait_until(lambda: tocsin.incidents()[0]["blind"], "the incident says that it cannot be seen")
    assert blind and tocsin.incidents()[0]["state"] == "acknowledged"

    # Between clear and warn it goes on; below clear it ends.
    write(tocsin, 65)
    wait_until(lambda: tocsin.incidents()[0]["blind"] is None, "it is seen again")
    assert tocsin.incidents()[0]["state"] == "acknowledged"
    write(tocsin, 50)
    told(pager, "opened", "raised", "acknowledged", "resolved")

    # It comes back within ten minutes: the same incident again.
    write(tocsin, 95)
    *_, reopened = told(pager, "opened", "raised", "acknowledged", "resolved", "reopened")
    assert reopened.incident["id"] == name and reopened.incident["reopenings"] == 1
    assert tocsin.sloctl("incident", "resolve", name, "--by", "ann").returncode == 0
    told(pager, "opened", "raised", "acknowledged", "resolved", "reopened", "resolved")

    got = pager.snapshot()
    assert [one.fault for one in got] == [None] * 6
    assert len({one.id for one in got}) == 6
    timeline = json.loads(tocsin.sloctl("incident", "get", name, "-o", "json").stdout)["timeline"]
    wanted = ["opened", "raised", "acknowledged", "note", "resolved", "reopened", "resolved"]
    assert [event["kind"] for event in timeline if event["kind"] in wanted] == wanted
    assert [event["at"] for event in timeline] == sorted(event["at"] for event in timeline)
    assert tocsin.sloctl("incident", "ack", name, "--by", "ann").returncode == 64, "it is over"
    assert tocsin.sloctl("incident", "get", "INC-NONE").returncode == 64


def test_an_unanswered_incident_escalates_also_over_a_restart(make_pager, make_tocsin):
    first, second = make_pager(), make_pager()
    tocsin = make_tocsin(rules=RULES)
    policy = oncall(first.url, tocsin.folder / "secret")
    policy["receivers"].append({"name": "other", "webhook": {**policy["receivers"][0]["webhook"], "url": second.url}})
    policy["people"].append({"name": "second", "time_zone": "UTC", "contact": ["other"]})
    policy["escalation"][0]["steps"].append({"after": "3s", "notify": "person/second"})
    tocsin.write("oncall.yaml", policy)
    tocsin.start()
    write(tocsin, 90)
    (opened,) = told(first, "opened")
    wait_until(lambda: tocsin.deliveries()[0]["state"] == "delivered", "its delivery is on record")
    # It is down when the deadline passes, and catches up when it comes back.
    tocsin.kill()
    due = opened.at + 3
    wait_until(lambda: time.monotonic() > due + 0.5, "the deadline has passed", pause=0.1)
    assert second.snapshot() == []
    tocsin.start()
    (escalated,) = told(second, "escalated")
    assert escalated.incident["id"] == opened.incident["id"] and escalated.incident["state"] == "escalated"
    assert escalated.message["people"] == ["second"]
    assert kinds(first.snapshot()) == ["opened"]


def test_the_second_channel_starts_by_itself(make_pager, make_tocsin):
    broken, working = make_pager(lambda delivery, index: 410), make_pager()
    tocsin = make_tocsin(rules=RULES)
    policy = oncall(broken.url, tocsin.folder / "secret")
    policy["receivers"].append({"name": "other", "webhook": {**policy["receivers"][0]["webhook"], "url": working.url}})
    policy["people"][0]["contact"] = ["hook", "other"]
    tocsin.write("oncall.yaml", policy)
    tocsin.start()
    write(tocsin, 90)
    (page,) = told(working, "opened")
    (refused,) = broken.snapshot()
    assert page.incident["id"] == refused.incident["id"]
    assert page.message["second_channel_of"] == refused.id and page.id != refused.id


@pytest.mark.parametrize("answer", [202, 429])
def test_pagerduty_gets_one_alert_from_trigger_to_resolve(answer, make_pager, make_tocsin):
    """Events API v2: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"""
    pagerduty = make_pager(lambda delivery, index: answer if index == 0 else 202)
    tocsin = make_tocsin(rules=RULES)
    key = "0123456789abcdef0123456789abcdef"
    tocsin.write("routing.key", key + "\n")
    policy = oncall(pagerduty.url, tocsin.folder / "secret")
    policy["receivers"] = [
        {"name": "hook", "pagerduty": {"routing_key_file": str(tocsin.folder / "routing.key"), "url": pagerduty.url}}
    ]
    tocsin.write("oncall.yaml", policy)
    tocsin.start()

    def events(got):
        # Those that PagerDuty has taken.
        return [json.loads(one.body) for one in got if one.status == 202]

    def actions(*expected):
        pagerduty.wait_for(lambda got: [one["event_action"] for one in events(got)] == list(expected), expected)

    write(tocsin, 90)
    actions("trigger")
    name = tocsin.incidents()[0]["id"]
    assert tocsin.sloctl("incident", "ack", name, "--by", "ann").returncode == 0
    actions("trigger", "acknowledge")
    write(tocsin, 10)
    actions("trigger", "acknowledge", "resolve")
    trigger, acknowledge, resolve = events(pagerduty.snapshot())
    assert {one["dedup_key"] for one in (trigger, acknowledge, resolve)} == {name}
    assert {one["routing_key"] for one in (trigger, acknowledge, resolve)} == {key}
    payload = trigger["payload"]
    assert {"summary", "source", "severity"} <= set(payload)
    assert payload["severity"] == "critical" and len(payload["summary"]) <= 1024 and "90 %" in payload["summary"]
    assert key not in tocsin.log + tocsin.get("/metrics").text + json.dumps(tocsin.deliveries())
