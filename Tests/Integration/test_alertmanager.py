"""The webhook format of Alertmanager, beside what Debian's Alertmanager sends of the same alert."""

import datetime
import json
import shutil
import time

import pytest
from harness import HOST, SECRET, free_port, oncall, request, wait_until

pytestmark = pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="Alertmanager is not installed")

RULES = """
groups:
  - name: probes
    rules:
      - alert: Probe
        expr: probe > 1
        labels: {severity: critical}
        annotations: {summary: 'The <probe> & "its" value'}
"""

# Alertmanager's newer versions send these too.
NEWER = {"notification_reason", "routeLabels"}


def now(seconds=0.0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def theirs(make_process, make_pager, tmp_path):
    """What Alertmanager sends: of the alert firing, then resolved."""
    pager, port = make_pager(), free_port()
    (tmp_path / "alertmanager.yml").write_text(
        json.dumps(
            {
                "route": {
                    "receiver": "hook",
                    "group_by": ["alertname"],
                    "group_wait": "10ms",
                    "group_interval": "10ms",
                },
                "receivers": [{"name": "hook", "webhook_configs": [{"url": pager.url}]}],
            }
        )
    )
    server = make_process(
        "alertmanager",
        [
            "prometheus-alertmanager",
            f"--config.file={tmp_path}/alertmanager.yml",
            f"--storage.path={tmp_path}/alertmanager",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
    )
    wait_until(
        lambda: request(port, "GET", "/-/ready").status == 200, "Alertmanager is ready", 30, alive=[server.process]
    )

    def send(ends):
        alert = {
            "labels": {"alertname": "Probe", "severity": "critical", "place": "cellar"},
            "annotations": {"summary": 'The <probe> & "its" value'},
            "startsAt": now(-60),
            "endsAt": ends,
        }
        answer = request(port, "POST", "/api/v2/alerts", json.dumps([alert]), {"Content-Type": "application/json"})
        assert answer.status == 200, answer.text

    send(now(600))
    firing = pager.wait_for(lambda got: next(iter(got), None), "the firing alert", 30)
    send(now(-1))
    resolved = pager.wait_for(lambda got: next((one for one in got if b'"resolved"' in one.body), None), "its end", 30)
    return firing.body, resolved.body


def test_the_webhook_is_shaped_as_alertmanagers(theirs, pager, make_tocsin):
    tocsin = make_tocsin(rules=RULES)
    policy = oncall(pager.url, tocsin.folder / "secret")
    policy["receivers"][0]["webhook"]["format"] = "alertmanager"
    tocsin.write("oncall.yaml", policy)
    tocsin.start()

    def write(value):
        tocsin.write_samples([({"__name__": "probe", "place": "cellar"}, [(int(time.time() * 1000), value)])])

    write(2.0)
    firing = pager.wait_for(lambda got: next(iter(got), None), "the firing alert")
    write(0.0)
    resolved = pager.wait_for(lambda got: next((one for one in got if b'"resolved"' in one.body), None), "its end")
    assert firing.fault is None and resolved.fault is None, f"signed beside, with {SECRET[:6]}"
    assert firing.id != resolved.id

    for name, ours, other in [("firing", firing.body, theirs[0]), ("resolved", resolved.body, theirs[1])]:
        mine, known = json.loads(ours), json.loads(other)
        assert mine["status"] == known["status"] == name
        assert mine["version"] == known["version"] == "4"
        assert_same_shape(mine, known)
        (alert,), (their_alert,) = mine["alerts"], known["alerts"]
        assert_same_shape(alert, their_alert)
        for label in ["alertname", "severity", "place"]:
            assert alert["labels"][label] == their_alert["labels"][label]
            assert mine["commonLabels"][label] == known["commonLabels"][label]
        # Go's JSON escapes these characters, and ends with a line feed.
        for bytes_ in (ours, other):
            assert rb"The \u003cprobe\u003e \u0026 \"its\" value" in bytes_
            assert bytes_.endswith(b"}\n")
        started = datetime.datetime.fromisoformat(alert["startsAt"])
        ended = alert["endsAt"]
        assert (ended == "0001-01-01T00:00:00Z") == (name == "firing")
        assert name == "firing" or datetime.datetime.fromisoformat(ended) >= started
        assert len(alert["fingerprint"]) == len(their_alert["fingerprint"]) == 16


def assert_same_shape(ours, theirs):
    """The same members in the same order, of the same kinds; newer ones may stand between."""
    assert [name for name in ours if name not in NEWER] == [name for name in theirs if name not in NEWER]
    for name, value in theirs.items():
        assert type(ours[name]) is type(value), name
