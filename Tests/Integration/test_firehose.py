"""CloudWatch's metric streams and log subscriptions through Firehose: both formats, kills, wrong keys, bad input."""

import base64
import gzip
import http.client
import json
import random
import socket
import threading
import time

import firehose
import pytest
from firehose import Point, body, deliver, headers, json_record, log_record, otlp_record
from harness import HOST, Tocsin, wait_until

RULES = """
groups:
  - name: pushed
    interval: 1s
    rules:
      - {alert: Slow, expr: aws_applicationelb_target_response_time_p99 > 1e9}
      - {alert: Busy, expr: aws_rds_cpuutilization_average + aws_rds_cpuutilization_maximum > 1e9}
      - {alert: Idle, expr: aws_rds_cpuutilization_minimum + aws_rds_cpuutilization_sample_count < 0}
      - {alert: Errors, expr: aws_applicationelb_httpcode_target_5xx_count_sum / aws_applicationelb_request_count_sum > 1e9}
log_metrics:
  - name: shop_lines_total
    from: {logGroup: /ecs/shop}
    parse: json
    labels: [level]
    type: counter
"""

ALB = {"LoadBalancer": "app/web/50dc6c495c0c9188"}
SEED = 20261124


def settings(folder, **more):
    (folder / "firehose.key").write_text(firehose.KEY + "\n")
    return {"sources": {"firehose": {"access_key_file": str(folder / "firehose.key"), **more}}}


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("firehose")
    limits = {
        "max_body": "1MiB",
        "max_decoded": "2MiB",
        "max_records": 50,
        "max_record": "64KiB",
        "max_unpacked": "1MiB",
        "max_points": 2000,
        "max_depth": 8,
        "max_dimensions": 4,
    }
    tocsin = Tocsin(folder, rules=RULES, settings=settings(folder, **limits)).start()
    yield tocsin
    tocsin.stop()


def minutes(count):
    """The last whole minutes that have long settled, oldest first."""
    now = int(time.time()) // 60 - 5
    return list(range(now - count + 1, now + 1))


def points(seed, count=12):
    """What a stream brings of three databases and a load balancer, also under dimension sets that no rule means."""
    dice, found = random.Random(seed), []
    for minute in minutes(count):
        for database in ("db-1", "db-2", "db-3"):
            values = [dice.uniform(1, 90) for _ in range(dice.randint(1, 9))]
            found.append(Point("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": f"{seed}-{database}"}, minute, values))
            found.append(Point("AWS/RDS", "CPUUtilization", {"DBClusterIdentifier": f"{seed}"}, minute, values))
            found.append(Point("AWS/RDS", "FreeableMemory", {"DBInstanceIdentifier": f"{seed}-{database}"}, minute, values))
        balancer = {"LoadBalancer": f"app/{seed}/1"}
        times = [dice.uniform(0.01, 2) for _ in range(100)]
        found.append(Point("AWS/ApplicationELB", "TargetResponseTime", balancer, minute, times, percentiles=(50, 99)))
        found.append(
            Point("AWS/ApplicationELB", "TargetResponseTime", {**balancer, "AvailabilityZone": "a"}, minute, times, (99,))
        )
    return found


def expected(found):
    """Series by name and resource, worked out here and by no code of Tocsin's."""
    series = {}
    for point in found:
        minute = point.minute * 60
        if point.name == "CPUUtilization" and "DBInstanceIdentifier" in point.dimensions:
            resource = point.dimensions["DBInstanceIdentifier"]
            for statistic, value in (
                ("average", point.sum / point.count),
                ("maximum", point.max),
                ("minimum", point.min),
                ("sample_count", point.count),
            ):
                series.setdefault((f"aws_rds_cpuutilization_{statistic}", resource), {})[minute] = value
        if point.name == "TargetResponseTime" and len(point.dimensions) == 1:
            key = ("aws_applicationelb_target_response_time_p99", point.dimensions["LoadBalancer"])
            series.setdefault(key, {})[minute] = point.percentiles[99]
    return series


def stored(tocsin, seed):
    series = {}
    for one in tocsin.query('{__name__=~"aws_.+"}[1h]'):
        labels = one["metric"]
        resource = labels.get("dimension_DBInstanceIdentifier") or labels.get("dimension_LoadBalancer")
        if not resource or str(seed) not in resource:
            continue
        assert labels["region"] == firehose.REGION and labels["account_id"] == firehose.ACCOUNT
        dimensions = {name for name in labels if name.startswith("dimension_")}
        assert len(dimensions) == 1, labels
        series[(labels["__name__"], resource)] = {int(at): float(value) for at, value in one["values"]}
    return series


@pytest.mark.parametrize("make, packed", [(json_record, False), (json_record, True), (otlp_record, False), (otlp_record, True)])
def test_both_formats_become_what_a_pull_would_store(tocsin, make, packed):
    seed = SEED + 2 * packed + (make is otlp_record)
    found = points(seed)
    records = [make(found[start : start + 10]) for start in range(0, len(found), 10)] + [b""]
    assert deliver(tocsin, records, packed).status == 200
    wanted = expected(found)
    assert len(wanted) == 13
    assert stored(tocsin, seed) == wanted
    source = tocsin.sources()["firehose"]
    assert source["state"] == "ok" and source["watermark"], source


def test_a_revised_point_replaces_and_a_repeated_one_does_not_count(tocsin):
    (minute,) = minutes(1)
    resource = {"DBInstanceIdentifier": "revised"}
    first, last = (Point("AWS/RDS", "CPUUtilization", resource, minute, [value]) for value in (10, 20))
    repeats = tocsin.metric("tocsin_source_duplicates_total", source="firehose") or 0
    for one in (first, last, last):
        assert deliver(tocsin, [json_record([one])], id="the-same").status == 200
    found = tocsin.query('aws_rds_cpuutilization_average{dimension_DBInstanceIdentifier="revised"}[1h]')
    assert [value for _, value in found[0]["values"]] == ["20"]
    assert tocsin.metric("tocsin_source_duplicates_total", source="firehose") >= repeats + 4
    assert tocsin.metric("tocsin_source_revised_total", source="firehose") >= 3


def test_silent_counters_are_zero_while_there_is_traffic(tocsin):
    first, second, third = minutes(3)

    def counter(name, minute, count):
        return Point("AWS/ApplicationELB", name, ALB, minute, [1] * count)

    def errors():
        found = tocsin.query("aws_applicationelb_httpcode_target_5xx_count_sum[1h]")
        return {int(at) // 60: float(value) for at, value in found[0]["values"]} if found else {}

    # Requests alone may be all that the stream includes.
    assert deliver(tocsin, [json_record([counter("RequestCount", first, 5)])]).status == 200
    assert errors() == {}
    assert deliver(tocsin, [json_record([counter("HTTPCode_Target_5XX_Count", second, 3)])]).status == 200
    rest = [counter("HTTPCode_Target_2XX_Count", minute, 9) for minute in (first, second, third)]
    assert deliver(tocsin, [otlp_record(rest)]).status == 200
    assert errors() == {first: 0, second: 3, third: 0}
    assert deliver(tocsin, [otlp_record([counter("HTTPCode_Target_5XX_Count", third, 7)])]).status == 200
    assert errors() == {first: 0, second: 3, third: 7}


def test_log_subscriptions_are_counted_once(tocsin):
    now = int(time.time() * 1000)
    events = [(str(index), now, json.dumps({"level": "error" if index % 3 else "info"})) for index in range(30)]
    control = log_record([("", now, "CWL CONTROL MESSAGE: Checking health of destination Firehose.")], "CONTROL_MESSAGE")
    assert deliver(tocsin, [control]).status == 200
    assert deliver(tocsin, [log_record(events[:20])]).status == 200
    assert deliver(tocsin, [log_record(events[:20]), log_record(events[20:])]).status == 200

    def counted():
        return {one["metric"]["level"]: float(one["value"][1]) for one in tocsin.query("shop_lines_total")}

    wait_until(lambda: counted() == {"info": 10, "error": 20}, "every line is counted once", 10)
    assert tocsin.metric("tocsin_firehose_repeated_log_events_total") == 20
    found = tocsin.get("/v1/logs?limit=50").json()["records"]
    assert len(found) == 30, found[:2]


@pytest.mark.parametrize("key, status", [(None, 401), ("", 401), ("wrong", 403), (firehose.KEY[:-1], 403), (firehose.KEY + "0", 403), ("x" * 4096, 403)])
def test_wrong_keys(tocsin, key, status):
    sent = headers("k", key or "")
    if key is None:
        del sent["X-Amz-Firehose-Access-Key"]
    before = tocsin.metric("tocsin_firehose_requests_total", status=str(status)) or 0
    answer = tocsin.post("/v1/firehose", body([json_record(points(1, 1))], "k"), sent)
    assert answer.status == status
    firehose.check_shape(answer, "k")
    assert firehose.KEY not in answer.text
    assert tocsin.metric("tocsin_firehose_requests_total", status=str(status)) == before + 1
    assert stored(tocsin, "1-db") == {}


GOOD = json_record([Point("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": "never"}, int(time.time()) // 60 - 5, [1])])
NESTED = b'{"a":' + b"[" * 50


@pytest.mark.parametrize(
    "content, status, cause, extra",
    [
        (b"", 400, "malformed", {}),
        (body([GOOD])[:-5], 400, "malformed", {}),
        (b"[" * 100_000, 400, "malformed", {}),
        (b'{"records":' + b'[{"data":' * 1000, 400, "malformed", {}),
        (b'{"requestId":"id","timestamp":1}', 400, "malformed", {}),
        (b'{"records":[{"data":"*"}]}', 400, "malformed", {}),
        (body([GOOD, b"hello"]), 400, "malformed", {}),
        (body([GOOD, GOOD[:-9]]), 400, "malformed", {}),
        (body([GOOD, otlp_record(points(2, 1))[:-9]]), 400, "malformed", {}),
        (body([GOOD, b"\x1f\x8b" + bytes(40)]), 400, "malformed", {}),
        (body([GOOD, gzip.compress(GOOD)[:-9]]), 400, "malformed", {}),
        (body([GOOD, NESTED]), 400, "max_depth", {}),
        (body([GOOD, gzip.compress(NESTED)]), 400, "max_depth", {}),
        (b"not gzip", 400, "malformed", {"Content-Encoding": "gzip"}),
        (body([GOOD]), 415, "unsupported_encoding", {"Content-Encoding": "br"}),
        (body([GOOD]), 400, "protocol_version", {"X-Amz-Firehose-Protocol-Version": "9.9"}),
        (gzip.compress(body([GOOD]) + b" " * (4 << 20)), 413, "max_decoded", {"Content-Encoding": "gzip"}),
        (body([GOOD] + [b""] * 50), 413, "max_records", {}),
        (body([GOOD, b" " * (65 << 10)]), 413, "max_record", {}),
        (body([GOOD, gzip.compress(b" " * (2 << 20))]), 413, "max_unpacked", {}),
        (body([GOOD, gzip.compress(GOOD * 2000)]), 413, "max_points", {}),
    ],
)
def test_bad_requests_are_told_why_and_nothing_of_them_is_in(tocsin, content, status, cause, extra):
    before = tocsin.metric("tocsin_source_refused_total", source="firehose", cause=cause) or 0
    answer = tocsin.post("/v1/firehose", content, headers("bad", **extra))
    assert answer.status == status, answer.text
    firehose.check_shape(answer, "bad")
    assert len(answer.json()["errorMessage"]) > 10
    if cause.startswith("max_"):
        assert f"sources.firehose.{cause}" in answer.json()["errorMessage"]
    assert tocsin.metric("tocsin_source_refused_total", source="firehose", cause=cause) == before + 1
    assert tocsin.query('{dimension_DBInstanceIdentifier="never"}[1h]') == []
    assert tocsin.is_healthy()


def test_a_body_over_the_limit_is_answered_in_firehoses_words(tocsin):
    answer = tocsin.post("/v1/firehose", b" " * ((1 << 20) + 1), headers("long"))
    assert answer.status == 413
    firehose.check_shape(answer, "long")
    assert "sources.firehose.max_body" in answer.json()["errorMessage"]
    # A bomb of a gigabyte costs no more than the limit.
    bomb = gzip.compress(bytes(64 << 20))
    answer = tocsin.post("/v1/firehose", bomb, headers("bomb", **{"Content-Encoding": "gzip"}))
    assert answer.status == 413 and tocsin.is_healthy()


def test_points_that_can_never_be_are_counted_and_their_neighbours_are_in(tocsin):
    (minute,) = minutes(1)
    good = Point("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": "neighbour"}, minute, [7])
    many = Point("AWS/RDS", "CPUUtilization", {str(index): "x" for index in range(5)}, minute, [1])
    record = json_record([good]) + b'{"metric_name":"x"}\n' + many.json().encode()
    assert deliver(tocsin, [record, otlp_record([many])]).status == 200
    assert tocsin.value('aws_rds_cpuutilization_average{dimension_DBInstanceIdentifier="neighbour"}', at=minute * 60) == 7
    refused = tocsin.sources()["firehose"]["refused"]
    assert refused["invalid_point"] == 1 and refused["max_dimensions"] == 2
    listed = tocsin.sloctl("sources")
    assert listed.returncode == 0 and "firehose" in listed.stdout and "max_dimensions" in listed.stdout


def test_a_statistic_that_the_stream_lacks_is_told_of(tocsin):
    (minute,) = minutes(1)
    latency = Point("AWS/ApplicationELB", "TargetResponseTime", {"LoadBalancer": "app/plain/1"}, minute, [1])
    assert deliver(tocsin, [json_record([latency])]).status == 200
    listed = tocsin.sloctl("sources", "-o", "json").stdout
    assert "AWS/ApplicationELB TargetResponseTime p99" in listed


def test_a_slow_sender_holds_up_nobody(tocsin):
    slow = socket.create_connection((HOST, tocsin.port))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers("slow").items())
    slow.sendall(f"POST /v1/firehose HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 1000\r\n\r\n{{".encode())
    started = time.monotonic()
    assert deliver(tocsin, [json_record(points(SEED + 9, 1))]).status == 200
    assert time.monotonic() - started < 5
    slow.close()


def test_nothing_acknowledged_is_lost_whenever_it_is_killed(make_tocsin, tmp_path):
    tocsin = make_tocsin(rules=RULES, settings=settings(tmp_path)).start()
    found = points(SEED, 40)
    parts = [found[start : start + 8] for start in range(0, len(found), 8)]
    dice, moments = random.Random(SEED), random.Random(SEED + 1)
    acknowledged, answers, done = [], {}, threading.Event()

    def send():
        for index, part in enumerate(parts):
            make, packed = dice.choice([json_record, otlp_record]), dice.random() < 0.5
            # As Firehose: the same request until it is answered 200.
            while True:
                try:
                    answer = deliver(tocsin, [make(part)], packed, id=f"request-{index}")
                    answers[answer.status] = answers.get(answer.status, 0) + 1
                    if answer.status == 200:
                        break
                except (OSError, http.client.HTTPException):
                    pass
                time.sleep(0.02)
            acknowledged.append(index)
            time.sleep(0.03)
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    kills = 0
    while not done.is_set() and kills < 6:
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before or done.is_set(), "a request is acknowledged", 30)
        done.wait(moments.uniform(0, 0.3))
        known = expected([point for index in list(acknowledged) for point in parts[index]])
        tocsin.kill()
        kills += 1
        tocsin.start()
        now = stored(tocsin, SEED)
        for key, samples in known.items():
            assert samples.items() <= now[key].items(), key
    sender.join(60)
    assert done.is_set() and kills >= 3
    assert set(answers) <= {200, 503}, answers
    assert stored(tocsin, SEED) == expected(found)


def test_without_the_setting_there_is_no_endpoint(make_tocsin):
    tocsin = make_tocsin().start()
    assert tocsin.post("/v1/firehose", body([]), headers()).status == 404
    source = tocsin.sources()["firehose"]
    assert source["state"] == "off" and "access_key_file" in source["advice"]


def test_a_key_file_that_is_missing_says_so(tmp_path):
    tocsin = Tocsin(tmp_path, settings={"sources": {"firehose": {"access_key_file": str(tmp_path / "none")}}})
    with pytest.raises(AssertionError):
        tocsin.start(10)
    assert "sources.firehose.access_key_file" in tocsin.log
