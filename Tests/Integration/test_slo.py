"""Error budgets: the numbers are those of the events written, and exit codes say how the budget stands."""

import json
import subprocess
import time

import jsonschema
import pytest
from harness import PROJECT, binary, clean_environment, wait_until

RULES = """
groups:
  - name: slo
    slos:
      - name: checkout
        objective: 99%
        window: 30d
        sli:
          events:
            bad: requests_total{code=~"5.."}
            total: requests_total
      - name: search
        objective: 90%
        window: 7d
        sli:
          events:
            good: searches_total{result="found"}
            total: searches_total
      - name: silent
        objective: 99%
        window: 30d
        sli: {events: {bad: nothing_failed_total, total: nothing_total}}
"""


def counters(at, good, bad, found, missed):
    stamp = int(at * 1000)
    return [
        ({"__name__": "requests_total", "code": "200"}, [(stamp, good)]),
        ({"__name__": "requests_total", "code": "500"}, [(stamp, bad)]),
        ({"__name__": "searches_total", "result": "found"}, [(stamp, found)]),
        ({"__name__": "searches_total", "result": "missed"}, [(stamp, missed)]),
    ]


def budget(tocsin, name):
    answer = tocsin.sloctl("budget", name, "-o", "json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_the_budget_is_that_of_the_events_written(make_tocsin):
    tocsin = make_tocsin(rules=RULES).start()
    schema = json.loads((PROJECT / "docs" / "schema" / "budget.schema.json").read_text())
    now = time.time()
    # Counters that begin far from 0: the first sight is the baseline. One sample a minute over an hour, and a restart.
    good, bad, found, missed = 5000.0, 700.0, 0.0, 0.0
    written = dict(good=0, bad=0, found=0, missed=0)
    for minute in range(60, -1, -1):
        at = now - minute * 60
        tocsin.write_samples(counters(at, good, bad, found, missed))
        if minute == 30:
            good = bad = 0.0  # restarted: it counts from 0 again
        steps = dict(
            good=97 + minute % 7, bad=1 if minute % 3 == 0 else 0, found=30 + minute % 5, missed=6 if minute > 20 else 0
        )
        if minute > 0:
            good, bad, found, missed = (
                good + steps["good"],
                bad + steps["bad"],
                found + steps["found"],
                missed + steps["missed"],
            )
            for name, step in steps.items():
                written[name] += step

    total = written["good"] + written["bad"]
    document = wait_until(
        lambda: (found := budget(tocsin, "checkout"))["total"] == total and found, "every event is counted", 20
    )
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    assert (document["bad"], document["good"]) == (written["bad"], written["good"])
    assert document["attained"] == pytest.approx(written["good"] / total)
    allowed = 0.01 * total
    assert document["budget"]["total_events"] == pytest.approx(allowed)
    assert document["budget"]["consumed_ratio"] == pytest.approx(written["bad"] / allowed)
    assert document["budget"]["remaining_ratio"] == pytest.approx(1 - written["bad"] / allowed)
    assert document["budget"]["remaining_seconds"] == pytest.approx((1 - written["bad"] / allowed) * 0.01 * 30 * 86400)
    assert [burn["window"] for burn in document["burn"]] == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]

    search = budget(tocsin, "search")
    assert (search["good"], search["bad"]) == (written["found"], written["missed"])
    silent = budget(tocsin, "silent")
    jsonschema.validate(silent, schema, cls=jsonschema.Draft202012Validator)
    assert (silent["status"], silent["attained"], silent["budget"]["remaining_ratio"]) == (
        "INSUFFICIENT_DATA",
        None,
        None,
    )

    # /metrics says the same.
    assert tocsin.metric("tocsin_slo_error_budget_remaining_ratio", slo="search") == pytest.approx(
        search["budget"]["remaining_ratio"]
    )

    # Exit codes: checked against the status, worst of all without a name.
    codes = {"OK": 0, "WARNING": 1, "BREACHED": 2, "INSUFFICIENT_DATA": 3}
    for name in ["checkout", "search", "silent"]:
        assert tocsin.sloctl("budget", name, "--check").returncode == codes[budget(tocsin, name)["status"]]
    assert search["status"] == "BREACHED"
    assert tocsin.sloctl("budget", "--check").returncode == 3
    assert tocsin.sloctl("budget", "search", "--fail-below", "10%").returncode == 2
    assert tocsin.sloctl("budget", "silent", "--fail-below", "10%").returncode == 3
    assert tocsin.sloctl("budget", "checkout", "--fail-below", "ten").returncode == 64

    # kill -9 and start: the ledger goes on, and samples that come again are not counted twice.
    tocsin.kill()
    tocsin.start()
    tocsin.write_samples(counters(now, good, bad, found, missed))
    after = wait_until(lambda: (one := budget(tocsin, "checkout"))["total"] >= total and one, "the ledger is back", 20)
    assert (after["total"], after["bad"]) == (total, written["bad"])
    tocsin.write_samples(counters(time.time(), good + 10, bad + 1, found, missed))
    grown = wait_until(
        lambda: (one := budget(tocsin, "checkout"))["total"] > total and one, "new events are counted", 20
    )
    assert (grown["total"], grown["bad"]) == (total + 11, written["bad"] + 1)


def test_an_unreachable_server_is_not_an_answer(tmp_path):
    answer = subprocess.run(
        [binary("sloctl"), "budget", "--check"],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(TOCSIN_URL="http://127.0.0.1:9"),
    )
    assert answer.returncode == 69 and answer.stdout == ""
