"""Remote write 2.0 and the start timestamps that come with it.

Debian has no Prometheus that sends 2.0: the messages are this suite's own, from the published proto (remote_write.py).
"""

import math
import time

import pytest
import remote_write

WRITTEN = "x-prometheus-remote-write-{}-written"
MINUTE = 60_000


@pytest.fixture
def tocsin(make_tocsin):
    return make_tocsin().start()


def send(tocsin, series, status=204):
    answer = tocsin.post("/api/v1/write", remote_write.body_v2(series), remote_write.HEADERS_V2)
    assert answer.status == status, answer.text
    return answer


def written(answer):
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return [int(headers[WRITTEN.format(part)]) for part in ("samples", "histograms", "exemplars")]


def minutes(count, now):
    """The last so many whole minutes before now, oldest first."""
    last = now // MINUTE * MINUTE
    return [last - (count - 1 - index) * MINUTE for index in range(count)]


def test_samples_metadata_and_what_was_written(tocsin):
    now = int(time.time() * 1000)
    labels = {"__name__": "orders_total", "city": "Київ"}
    series = [
        {"labels": labels, "samples": [(now - 1000, 1.5), (now, 2.5)], "metadata": (1, "Orders.", "")},
        {"labels": {"__name__": "load"}, "samples": [(now, 0.5)], "metadata": (2, "Load.", "ratio")},
    ]
    assert written(send(tocsin, series)) == [3, 0, 0]
    # Sent again, it is written all the same.
    assert written(send(tocsin, series)) == [3, 0, 0]
    found = tocsin.query("orders_total[1m]")
    assert found[0]["metric"] == labels
    assert [float(value) for _, value in found[0]["values"]] == [1.5, 2.5]
    told = tocsin.get("/api/v1/metadata").json()["data"]
    assert told["orders_total"] == [{"type": "counter", "help": "Orders.", "unit": ""}]
    assert told["load"] == [{"type": "gauge", "help": "Load.", "unit": "ratio"}]


def test_what_is_not_kept_is_said_and_the_rest_is_in(tocsin):
    now = int(time.time() * 1000)
    answer = send(
        tocsin,
        [
            {"labels": {"__name__": "good"}, "samples": [(now, 1.0)], "exemplars": 2},
            {"labels": {"__name__": "native"}, "histograms": 3},
            {"references": [0, 999], "samples": [(now, 1.0)]},
            {"labels": {"__name__": "future"}, "samples": [(now + 10**9, 1.0)]},
        ],
        400,
    )
    assert written(answer) == [1, 0, 0]
    for words in ["send_exemplars", "send_native_histograms", "string 999", "too_far_in_future"]:
        assert words in answer.text, answer.text
    assert tocsin.value("good") == 1
    assert tocsin.metric("tocsin_remote_write_skipped_total", kind="exemplar") == 2
    assert tocsin.metric("tocsin_remote_write_skipped_total", kind="histogram") == 3


def test_an_unknown_version_is_415_and_names_those_there_are(tocsin):
    headers = {**remote_write.HEADERS_V2, "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"}
    answer = tocsin.post("/api/v1/write", b"", headers)
    assert answer.status == 415
    assert "io.prometheus.write.v2.Request" in answer.text and "prometheus.WriteRequest" in answer.text


def ask(tocsin, moment):
    """What the functions that know of start timestamps answer."""
    return {
        expression: tocsin.value(expression, moment)
        for expression in [
            "increase(deltas_total[5m])",
            "increase(restarted_total[5m])",
            "resets(restarted_total[5m])",
            "start_timestamp(restarted_total)",
            "start_timestamp(plain_total)",
            "increase(plain_total[5m])",
        ]
    }


def test_start_timestamps_count_and_survive_a_kill(tocsin):
    now = int(time.time() * 1000)
    times = minutes(10, now)
    moment = times[-1] / 1000
    # Passes its old value at once after it began anew, as a busy counter does; so its values alone never fall.
    restart = times[6] + 30_000
    send(
        tocsin,
        [
            {"labels": {"__name__": "deltas_total"}, "samples": [(at, 60.0, at - MINUTE) for at in times]},
            {
                "labels": {"__name__": "restarted_total"},
                "samples": [(at, 10.0 * number) for number, at in enumerate(times[:7], 1)],
                "created": times[0] - MINUTE,
            },
            {
                "labels": {"__name__": "restarted_total"},
                "samples": [(at, 10.0 * number) for number, at in enumerate(times[7:], 8)],
                "created": restart,
            },
            {
                "labels": {"__name__": "plain_total"},
                "samples": [(at, 10.0 * number) for number, at in enumerate(times)],
            },
        ],
    )
    found = ask(tocsin, moment)
    assert math.isclose(found["increase(deltas_total[5m])"], 300)
    # 60, 70, then from zero to 80, 90, 100: 40 and the 70 that were lost, over 240 s of 300.
    assert math.isclose(found["increase(restarted_total[5m])"], 110 * 300 / 240)
    assert found["resets(restarted_total[5m])"] == 1
    assert found["start_timestamp(restarted_total)"] == restart / 1000
    assert found["start_timestamp(plain_total)"] == 0
    assert math.isclose(found["increase(plain_total[5m])"], 50)
    tocsin.kill()
    tocsin.start()
    assert ask(tocsin, moment) == found


def test_starts_that_overlap_are_warned_of(tocsin):
    times = minutes(6, int(time.time() * 1000))
    send(
        tocsin,
        [
            {
                "labels": {"__name__": "odd_total"},
                "samples": [(at, 60.0 * number, at - 2 * MINUTE) for number, at in enumerate(times, 1)],
            }
        ],
    )
    answer = tocsin.get(f"/api/v1/query?query=rate(odd_total[5m])&time={times[-1] / 1000}").json()
    assert len(answer["data"]["result"]) == 1
    assert answer["warnings"] == [
        'PromQL warning: sample has start time that overlaps with previous sample timestamp for metric "odd_total" (1:6)'
    ]
