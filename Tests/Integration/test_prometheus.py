"""Debian's Prometheus 2.42 remote writing to Tocsin: the same questions to both get the same answers."""

import http.server
import json
import math
import shutil
import subprocess
import threading
import urllib.parse

import pytest
from harness import HOST, Process, Tocsin, free_port, promtool, request, wait_until

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")

# Each scrape of the exporter moves on by one step, so that the values are the test's own. There are enough of them
# that no window reaches back before the first sample: there 2.x and 3.x extrapolate a young counter differently.
SCRAPES = 32
RESET = 22


class Exporter:
    """Counters with a reset, gauges, a histogram, a series that comes and goes, values that are no numbers."""

    def __init__(self):
        exporter = self
        self.step = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def text(self):
        self.step += 1
        step = self.step
        lines = ["# TYPE shop_requests_total counter"]
        for index, (service, code) in enumerate(
            [("cart", "200"), ("cart", "500"), ("search", "200"), ("search", "500")]
        ):
            # The cart is restarted on the way: its counters begin again.
            restarted = service == "cart" and step >= RESET
            since, base = (step - RESET + 1, 0.0) if restarted else (step, 1000.0)
            value = base + since * (3.7 + index) + (since * since % 5) / 8
            lines.append(f'shop_requests_total{{service="{service}",code="{code}"}} {value}')
        lines.append("# TYPE shop_queue gauge")
        lines.append(f'shop_queue{{service="cart"}} {40 + 30 * math.sin(step / 3)!r}')
        lines.append(f'shop_queue{{service="search"}} {step * 1e9 + 0.1!r}')
        lines.append(f'shop_odd{{kind="nan"}} {"NaN" if step % 3 == 0 else step}')
        lines.append(f'shop_odd{{kind="inf"}} {"+Inf" if step % 4 == 0 else -step}')
        if step % 8 < 5:
            lines.append(f'shop_comes_and_goes{{name="a\\"b\\\\c\\nd é"}} {step}')
        lines.append("# TYPE shop_seconds histogram")
        for bound, share in [("0.1", 0.4), ("0.3", 0.7), ("0.5", 0.9), ("1", 0.97), ("+Inf", 1)]:
            lines.append(f'shop_seconds_bucket{{le="{bound}"}} {int((200 + step * 20) * share)}')
        lines.append(f"shop_seconds_sum {(200 + step * 20) * 0.21!r}")
        lines.append(f"shop_seconds_count {200 + step * 20}")
        return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Prometheus and Tocsin with the same samples in them."""
    folder = tmp_path_factory.mktemp("prometheus")
    exporter = Exporter()
    tocsin = Tocsin(folder / "tocsin").start()
    port = free_port()
    (folder / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
                "scrape_configs": [
                    {"job_name": "shop", "static_configs": [{"targets": [f"{HOST}:{exporter.port}"]}]},
                    {"job_name": "prometheus", "static_configs": [{"targets": [f"{HOST}:{port}"]}]},
                    {"job_name": "tocsin", "static_configs": [{"targets": [f"{HOST}:{tocsin.port}"]}]},
                ],
                "remote_write": [
                    {
                        "url": f"{tocsin.url}/api/v1/write",
                        "queue_config": {"batch_send_deadline": "200ms", "max_shards": 2},
                    }
                ],
            }
        )
    )
    process = Process(
        "prometheus",
        [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address={HOST}:{port}",
            "--log.level=warn",
        ],
        folder,
    )
    both = Pair(port, tocsin, process, exporter)
    try:
        wait_until(
            lambda: request(port, "GET", "/-/ready").status == 200, "Prometheus is ready", 60, alive=[process.process]
        )
        wait_until(lambda: exporter.step >= SCRAPES, f"{SCRAPES} scrapes are done", 60, alive=[process.process])
        both.settle()
        yield both
    except AssertionError:
        print(process.output[-4000:], tocsin.log[-4000:], sep="\n")
        raise
    finally:
        process.kill()
        tocsin.kill()
        exporter.server.shutdown()


class Pair:
    def __init__(self, port, tocsin, process, exporter):
        self.port, self.tocsin, self.process, self.exporter = port, tocsin, process, exporter

    def prometheus(self, path, **parameters):
        answer = request(self.port, "GET", f"{path}?{urllib.parse.urlencode(parameters)}")
        assert answer.status == 200, answer.text
        return answer.json()["data"]

    def ours(self, path, **parameters):
        answer = self.tocsin.get(f"{path}?{urllib.parse.urlencode(parameters)}")
        assert answer.status == 200, answer.text
        return answer.json()["data"]

    def settle(self):
        """Chooses a moment away from all samples, up to which both hold the same."""
        stamps = sorted(
            {
                float(at)
                for series in self.prometheus("/api/v1/query", query='{job=~".+"}[1m]')["result"]
                for at, _ in series["values"]
            }
        )
        # The widest gap of the phases within a scrape's interval: half of it on either side is free of window edges.
        phases = sorted({round(at % 0.5, 3) for at in stamps})
        gaps = [(after - before, before) for before, after in zip(phases, phases[1:] + [phases[0] + 0.5])]
        gap, before = max(gaps)
        self.margin = gap / 2
        newest = stamps[-1]
        self.now = round(newest - 1 - (newest - 1) % 0.5 + before + gap / 2, 3)
        wait_until(lambda: self.raw(self.ours) == self.raw(self.prometheus), "both hold the same samples", 20)

    def raw(self, ask):
        found = ask("/api/v1/query", query='{job=~"shop|prometheus"}[1m]', time=self.now)["result"]
        return sorted(json.dumps([series["metric"], series["values"]], sort_keys=True) for series in found)


INSTANT = [
    "shop_queue",
    'shop_queue{service=~"c.*"} offset 3s',
    '{__name__=~"shop_.*",service!="cart",code!~"5.."}',
    "rate(shop_requests_total[6s])",
    'increase(shop_requests_total{service="cart"}[8s])',
    "irate(shop_requests_total[5s])",
    "delta(shop_queue[6s])",
    "idelta(shop_queue[4s])",
    "resets(shop_requests_total[11s])",
    "changes(shop_queue[5s])",
    "deriv(shop_queue[6s])",
    "predict_linear(shop_queue[6s], 60)",
    "sum by (service) (rate(shop_requests_total[6s]))",
    'sum by (service) (rate(shop_requests_total{code=~"5.."}[6s])) / sum by (service) (rate(shop_requests_total[6s]))',
    "avg without (code, instance) (shop_requests_total)",
    "min(shop_queue)",
    "max by (job) (shop_queue)",
    "count(shop_odd)",
    "stddev(shop_requests_total)",
    "stdvar by (code) (shop_requests_total)",
    "quantile(0.9, shop_requests_total)",
    "topk(2, shop_requests_total)",
    "bottomk by (service) (1, shop_requests_total)",
    'count_values("v", shop_seconds_count)',
    "avg_over_time(shop_queue[6s])",
    "sum_over_time(shop_queue[6s])",
    "min_over_time(shop_odd[6s])",
    "max_over_time(shop_odd[6s])",
    "count_over_time(shop_comes_and_goes[9s])",
    "last_over_time(shop_comes_and_goes[9s])",
    "stddev_over_time(shop_queue[6s])",
    "quantile_over_time(0.5, shop_queue[6s])",
    "present_over_time(shop_comes_and_goes[9s])",
    "absent_over_time(shop_nothing[9s])",
    "histogram_quantile(0.95, rate(shop_seconds_bucket[6s]))",
    "histogram_quantile(0.5, sum by (le) (shop_seconds_bucket))",
    "shop_queue > 50",
    "shop_queue > bool 50",
    "shop_requests_total and on (service) shop_queue",
    "shop_queue or shop_odd",
    'shop_requests_total unless on (code) shop_requests_total{service="cart",code="500"}',
    "shop_requests_total / on (service) group_left shop_queue",
    "shop_odd * 2 - 1",
    "-shop_odd",
    "2 ^ (shop_odd % 5)",
    'absent(shop_nothing{name="x"})',
    "absent(shop_queue)",
    "clamp(shop_queue, 20, 50)",
    "abs(shop_odd)",
    "round(shop_queue, 0.5)",
    "ceil(shop_queue)",
    "floor(shop_queue)",
    "ln(shop_requests_total)",
    "sqrt(shop_requests_total)",
    "sgn(shop_odd)",
    'label_replace(shop_queue, "first", "$1", "service", "(.).*")',
    'label_join(shop_queue, "both", "-", "service", "job")',
    "vector(3)",
    "scalar(shop_seconds_count)",
    "time()",
    "timestamp(shop_queue)",
    "sort_desc(shop_queue)",
    "max_over_time(shop_queue[5s:1s])",
    "shop_queue @ end()",
    "rate(prometheus_http_requests_total[6s])",
    "sum(rate(prometheus_tsdb_head_samples_appended_total[6s]))",
    "histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[6s])))",
    'count by (__name__) ({job="prometheus"})',
    "1 + 2 * 3",
    '"text"',
    'up{job="shop"}',
    "ALERTS",
]


@pytest.mark.parametrize("expression", INSTANT)
def test_instant_queries_agree(pair, expression):
    theirs = pair.prometheus("/api/v1/query", query=expression, time=pair.now)
    ours = pair.ours("/api/v1/query", query=expression, time=pair.now)
    assert_same(ours, theirs)


RANGE = [
    "rate(shop_requests_total[4s])",
    "sum by (service) (increase(shop_requests_total[5s]))",
    "shop_comes_and_goes",
    "shop_queue offset 2s",
    "histogram_quantile(0.95, sum by (le) (rate(shop_seconds_bucket[4s])))",
    "max_over_time(shop_queue[3s])",
    "shop_odd",
    "topk(1, shop_queue)",
    "absent(shop_comes_and_goes)",
    "rate(prometheus_tsdb_head_samples_appended_total[4s])",
    "shop_queue > 50",
    'count(up{job!="tocsin"})',
    "time()",
    "7",
]


@pytest.mark.parametrize("expression", RANGE)
def test_range_queries_agree(pair, expression):
    # Every step lies on the same phase as `now`, so none of them is near a sample.
    parameters = {"query": expression, "start": pair.now - 7, "end": pair.now, "step": "500ms"}
    assert_same(pair.ours("/api/v1/query_range", **parameters), pair.prometheus("/api/v1/query_range", **parameters))


def test_the_moment_is_away_from_every_window_edge(pair):
    """2.x windows are closed, ours are left-open: on an edge the answers may differ, so none is asked for there."""
    assert pair.margin > 0.01


def test_promtool_asks_tocsin(pair):
    """Prometheus's own client reads our answers."""

    def ask(server, expression):
        return subprocess.run(
            [promtool(), "query", "instant", f"--time={pair.now}", server, expression],
            capture_output=True,
            text=True,
            timeout=30,
        )

    answer = ask(pair.tocsin.url, "sum by (service) (shop_requests_total)")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert 'service="cart"' in answer.stdout and 'service="search"' in answer.stdout
    assert answer.stdout == ask(f"http://{HOST}:{pair.port}", "sum by (service) (shop_requests_total)").stdout
    bad = ask(pair.tocsin.url, "sum by (")
    assert bad.returncode != 0 and "parse error" in bad.stderr, bad.stderr
    listed = subprocess.run(
        [promtool(), "query", "series", "--match=shop_queue", pair.tocsin.url],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 2), listed.stderr


def test_prometheus_scrapes_tocsin_as_openmetrics(pair):
    """Prometheus asks for OpenMetrics first, and its strict parser takes every line of ours."""
    targets = {target["labels"]["job"]: target for target in pair.prometheus("/api/v1/targets")["activeTargets"]}
    assert (targets["tocsin"]["health"], targets["tocsin"]["lastError"]) == ("up", "")
    scraped = pair.prometheus("/api/v1/query", query='{__name__=~"tocsin_.*"}', time=pair.now)["result"]
    names = {series["metric"]["__name__"] for series in scraped}
    assert {"tocsin_build_info", "tocsin_store_series", "tocsin_remote_write_requests_total"} <= names
    # OpenMetrics names a counter's family without `_total`.
    (kinds,) = pair.prometheus("/api/v1/metadata", metric="tocsin_remote_write_requests").values()
    assert [entry["type"] for entry in kinds] == ["counter"]


def assert_same(ours, theirs):
    assert ours["resultType"] == theirs["resultType"]
    if ours["resultType"] in ("scalar", "string"):
        assert_same_point(ours["result"], theirs["result"], "")
        return
    left, right = keyed(ours["result"]), keyed(theirs["result"])
    assert left.keys() == right.keys()
    for labels, series in left.items():
        other = right[labels]
        points = series.get("values") or [series["value"]]
        others = other.get("values") or [other["value"]]
        assert [at for at, _ in points] == [at for at, _ in others], labels
        for point, expected in zip(points, others):
            assert_same_point(point, expected, labels)


def keyed(result):
    found = {json.dumps(series["metric"], sort_keys=True): series for series in result}
    assert len(found) == len(result), "no label set comes twice"
    return found


def assert_same_point(ours, theirs, labels):
    assert ours[0] == theirs[0], labels
    if ours[1] == theirs[1]:
        return
    left, right = float(ours[1]), float(theirs[1])
    assert left == pytest.approx(right, rel=1e-9, abs=0, nan_ok=True), labels
