"""The query API beside Prometheus's own: the same requests to both, answers of the same shape."""

import json
import subprocess
import urllib.parse

import pytest
import yaml
from harness import HOST, PROJECT, Process, Tocsin, free_port, promtool, request, wait_until

CASES = PROJECT.parent / "shared" / "promql"
RULES = {
    "groups": [
        {
            "name": "first",
            "interval": "1s",
            "rules": [
                {"record": "job:up:sum", "expr": "sum by (job) (up)"},
                {
                    "alert": "AlwaysUp",
                    "expr": "up > 0",
                    "labels": {"severity": "page"},
                    "annotations": {"summary": "{{ $labels.job }} is {{ $value }}"},
                },
            ],
        },
        {"name": "second", "interval": "1s", "rules": [{"alert": "Never", "expr": "up > 5", "for": "1m"}]},
    ]
}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A Prometheus that scrapes itself, and a Tocsin with the same samples and rules."""
    folder = tmp_path_factory.mktemp("shapes")
    tocsin = Tocsin(folder / "tocsin", rules=RULES).start()
    port = free_port()
    (folder / "rules.yml").write_text(yaml.safe_dump(RULES))
    (folder / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [{"job_name": "self", "static_configs": [{"targets": [f"{HOST}:{port}"]}]}],
                "remote_write": [
                    {
                        "url": f"{tocsin.url}/api/v1/write",
                        "queue_config": {"batch_send_deadline": "200ms"},
                        "metadata_config": {"send_interval": "500ms"},
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
    pair = Both(port, tocsin)
    try:
        for ask in (pair.theirs, pair.ours):
            wait_until(
                lambda: len(ask("/api/v1/alerts")[1]["data"]["alerts"]) == 1
                and ask("/api/v1/metadata")[1]["data"]
                and ask("/api/v1/query", query="job:up:sum")[1]["data"]["result"],
                "rules, metadata and samples are there",
                60,
                alive=[process.process],
            )
        yield pair
    except AssertionError:
        print(process.output[-4000:], tocsin.log[-4000:], sep="\n")
        raise
    finally:
        process.kill()
        tocsin.kill()


class Both:
    def __init__(self, port, tocsin):
        self.port, self.tocsin = port, tocsin

    def theirs(self, path, **parameters):
        return self._ask(self.port, path, parameters)

    def ours(self, path, **parameters):
        return self._ask(self.tocsin.port, path, parameters)

    def _ask(self, port, path, parameters):
        answer = request(port, "GET", f"{path}?{urllib.parse.urlencode(parameters, doseq=True)}")
        return answer.status, answer.json()


def shape(value):
    """Keys and types; of a list the shape of its items, which must be one."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        kinds = {json.dumps(shape(item), sort_keys=True) for item in value}
        return [json.loads(kind) for kind in sorted(kinds)]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def assert_holds(ours, theirs, path=""):
    """Everything that Prometheus's answer has is in ours, of the same type; ours may have more."""
    assert type(ours) is type(theirs), (path, ours, theirs)
    if isinstance(theirs, dict):
        for key, value in theirs.items():
            assert key in ours, f"{path}.{key} is missing"
            assert_holds(ours[key], value, f"{path}.{key}")
    elif isinstance(theirs, list):
        for item, other in zip(ours, theirs):
            assert_holds(item, other, path + "[]")
    else:
        assert ours == theirs, (path, ours, theirs)


SHAPES = [
    ("/api/v1/query", {"query": "up"}),
    ("/api/v1/query", {"query": "1"}),
    ("/api/v1/query", {"query": '"a"'}),
    ("/api/v1/query", {"query": "up[5s]"}),
    ("/api/v1/rules", {}),
    ("/api/v1/rules", {"type": "alert"}),
    ("/api/v1/rules", {"type": "record"}),
    ("/api/v1/alerts", {}),
    ("/api/v1/series", {"match[]": "up"}),
    ("/api/v1/labels", {}),
    ("/api/v1/label/job/values", {}),
    ("/api/v1/metadata", {"metric": "go_goroutines"}),
    ("/api/v1/query_exemplars", {"query": "up", "start": 0, "end": 1}),
    ("/api/v1/status/buildinfo", {}),
    ("/api/v1/status/config", {}),
]


@pytest.mark.parametrize("path,parameters", SHAPES, ids=lambda value: str(value))
def test_answers_have_prometheus_shape(both, path, parameters):
    (status, ours), (expected, theirs) = both.ours(path, **parameters), both.theirs(path, **parameters)
    assert status == expected == 200, (ours, theirs)
    if path == "/api/v1/rules" and not parameters:
        assert [group["name"] for group in ours["data"]["groups"]] == [
            group["name"] for group in theirs["data"]["groups"]
        ]
    # Since 3.0 a group without a rule that is asked for is left out.
    for answer in (ours, theirs) if path == "/api/v1/rules" else ():
        answer["data"]["groups"] = [group for group in answer["data"]["groups"] if group["rules"]]
    assert_holds(shape(ours), shape(theirs))


def test_metadata_is_what_prometheus_has(both):
    _, theirs = both.theirs("/api/v1/metadata", metric="prometheus_http_requests_total")
    _, ours = both.ours("/api/v1/metadata", metric="prometheus_http_requests_total")
    assert ours["data"] == theirs["data"] != {}
    _, few = both.ours("/api/v1/metadata", limit=2)
    assert len(few["data"]) == 2


ERRORS = [
    ("/api/v1/query", {"query": "up +"}),
    ("/api/v1/query", {}),
    ("/api/v1/query", {"query": "up", "time": "x"}),
    ("/api/v1/query", {"query": "up", "timeout": "x"}),
    ("/api/v1/query", {"query": 'label_replace(up, "a", "$1", "b", "(")'}),
    ("/api/v1/query_range", {"query": "up", "start": 0, "end": 1, "step": 0}),
    ("/api/v1/query_range", {"query": "up", "start": 1, "end": 0, "step": 1}),
    ("/api/v1/query_range", {"query": "up[1m]", "start": 0, "end": 1, "step": 1}),
    ("/api/v1/query_range", {"query": "up", "start": 0, "end": 1e6, "step": 1}),
    ("/api/v1/series", {}),
    ("/api/v1/series", {"match[]": "up{"}),
    ("/api/v1/series", {"match[]": '{a=""}'}),
    ("/api/v1/labels", {"start": "x"}),
    ("/api/v1/rules", {"type": "x"}),
    ("/api/v1/format_query", {"query": "up +"}),
    ("/api/v1/metadata", {"limit": "x"}),
]


@pytest.mark.parametrize("path,parameters", ERRORS, ids=lambda value: str(value))
def test_errors_have_prometheus_status_and_type(both, path, parameters):
    (status, ours), (expected, theirs) = both.ours(path, **parameters), both.theirs(path, **parameters)
    assert (status, ours["status"], ours["errorType"]) == (expected, theirs["status"], theirs["errorType"]), ours
    assert ours["error"]


def expressions():
    found = set()
    for path in sorted((CASES / "cases").glob("*.json")) if CASES.is_dir() else []:
        found |= {case["expr"] for case in json.loads(path.read_text())["cases"]}
    return sorted(found)


LONG = "a_metric_with_quite_a_long_name_that_fills_a_line_by_itself_total"
OWN = [
    f"sum by (job) (rate({LONG}[5m])) / on (job) group_left (team) sum by (job) (rate({LONG}[5m] offset 1h))",
    f"-(sum({LONG}) > bool 5 or {LONG} unless on (job) {LONG})",
    f"quantile_over_time(0.9, sum({LONG} + {LONG})[1h:5m] @ start() offset 1m)",
    f'label_replace({LONG}{{a="b"}}, "x", "$1", "y", "(.*)") and topk by (job) (3, ({LONG} * ({LONG} - {LONG})))',
    f"scalar({LONG}) * max_over_time(up[1h:5m]) + clamp_max({LONG}, scalar(max_over_time({LONG}[1h])))",
]


def test_format_query_is_prometheus_text(both):
    """Over our own and every expression of the conformance cases that 2.42 knows."""
    if not CASES.is_dir():
        print(f"skipped in part: {CASES} is not there")
    compared = 0
    for expression in OWN + expressions():
        status, theirs = both.theirs("/api/v1/format_query", query=expression)
        if status != 200:
            continue
        # 2.42 does not know the parts of the language that came later, and printed a few things otherwise.
        _, ours = both.ours("/api/v1/format_query", query=expression)
        if "\n" in theirs["data"] or expression in OWN:
            assert ours.get("data") == theirs["data"], expression
            compared += 1
    assert compared >= len(OWN)


def test_pages_of_rule_groups(both):
    _, first = both.ours("/api/v1/rules", group_limit=1)
    assert [group["name"] for group in first["data"]["groups"]] == ["first"]
    token = first["data"]["groupNextToken"]
    _, last = both.ours("/api/v1/rules", group_limit=1, group_next_token=token)
    assert [group["name"] for group in last["data"]["groups"]] == ["second"]
    assert "groupNextToken" not in last["data"]
    assert both.ours("/api/v1/rules", group_next_token=token)[0] == 400
    assert both.ours("/api/v1/rules", group_limit=0)[0] == 400
    status, gone = both.ours("/api/v1/rules", group_limit=1, group_next_token="x")
    assert (status, gone["errorType"]) == (400, "bad_data")


def test_limits_are_told(both):
    for path, parameters in [("/api/v1/labels", {}), ("/api/v1/series", {"match[]": '{job="self"}'})]:
        _, cut = both.ours(path, limit=1, **parameters)
        assert len(cut["data"]) == 1
        assert cut["warnings"] == ["results truncated due to limit"]


def test_the_top_lists_of_the_store(both):
    _, ours = both.ours("/api/v1/status/tsdb", limit=3)
    for key in ("seriesCountByMetricName", "labelValueCountByLabelName", "memoryInBytesByLabelName"):
        rows = ours["data"][key]
        assert 0 < len(rows) <= 3 and all(row["value"] > 0 for row in rows), key
        assert rows == sorted(rows, key=lambda row: -row["value"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "instant", "SERVER", "sum by (job) (up)"],
        ["query", "range", "--start=0", "--end=60", "--step=30s", "SERVER", "vector(1)"],
        ["query", "series", "--match=up", "SERVER"],
        ["query", "labels", "SERVER", "job"],
    ],
    ids=lambda value: value[1],
)
def test_promtool_reads_our_answers(both, arguments):
    def ask(server):
        words = [server if word == "SERVER" else word for word in arguments]
        answer = subprocess.run([promtool(), *words], capture_output=True, text=True, timeout=30)
        return answer.returncode, [line.split(" @[")[0] for line in answer.stdout.splitlines()], answer.stderr

    assert ask(both.tocsin.url) == ask(f"http://{HOST}:{both.port}")


def test_sloctl_asks_both(both):
    """The command reads Prometheus's answers as it reads ours."""
    for url in (both.tocsin.url, f"http://{HOST}:{both.port}"):
        answer = both.tocsin.sloctl("--server", url, "query", "sum by (job) (up)")
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.splitlines()[1].split() == ['{job="self"}', "1"]
        spread = both.tocsin.sloctl("--server", url, "query", "vector(2)", "--start", "0", "--end", "60", "--step", "30s")
        assert [line.split()[-1] for line in spread.stdout.splitlines()[1:]] == ["2", "2", "2"]
        wrong = both.tocsin.sloctl("--server", url, "query", "up +")
        assert wrong.returncode == 64 and "parse error" in wrong.stderr
