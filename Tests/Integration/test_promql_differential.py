"""Random PromQL over random series: Debian's Prometheus 2.42 and this project give the same answers.

The seed is fixed; `TOCSIN_PROMQL_SEED` and `TOCSIN_PROMQL_CASES` ask other and more questions.
"""

import json
import math
import os
import re
import shutil
import subprocess
import urllib.parse

import promql_generator
import pytest
from harness import HOST, Process, binary, clean_environment, free_port, request, wait_until

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None, reason="prometheus is not installed"
)

SEED = int(os.environ.get("TOCSIN_PROMQL_SEED", "1"))
CASES = int(os.environ.get("TOCSIN_PROMQL_CASES", "400"))

# Where names are dropped from the result alone, what collides in between is an error in 2.42 only.
ONLY_THERE = "vector cannot contain metrics with the same labelset"

# 2.x looks for second partners among the pairs that pass a comparison only.
ONLY_HERE = "multiple matches for labels: "


COMPARISON = re.compile(r" (==|!=|<=|>=|<|>) ")


def backfill(series, folder):
    """Writes the series as blocks that Prometheus can serve."""
    lines = []
    for name in sorted({one.name for one in series}):
        lines.append(f"# TYPE {name} unknown")
        for one in series:
            if one.name == name:
                lines += one.exposition()
    source = folder / "series.txt"
    source.write_text("\n".join(lines) + "\n# EOF\n")
    data = folder / "data"
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(data)]
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=clean_environment())
    return data


@pytest.fixture
def prometheus(tmp_path, keep_log):
    """A Prometheus that serves what `start(series)` gives it; answers its port."""
    started = []

    def start(series):
        (tmp_path / "prometheus.yml").write_text("global: {}\n")
        port = free_port()
        process = Process(
            "prometheus",
            [
                shutil.which("prometheus"),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={backfill(series, tmp_path)}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address={HOST}:{port}",
            ],
            tmp_path,
        )
        started.append(process)
        keep_log(process.log_path)
        wait_until(
            lambda: request(port, "GET", "/-/ready").status == 200, "prometheus is ready", alive=[process.process]
        )
        return port

    yield start
    for process in started:
        process.kill()


def ask_prometheus(port, case):
    if "at" in case:
        path, parameters = "query", {"query": case["expr"], "time": case["at"]}
    else:
        path, parameters = "query_range", {"query": case["expr"], **case["range"]}
    answer = request(
        port, "POST", f"/api/v1/{path}", urllib.parse.urlencode(parameters),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    return answer.json()


def ask_here(series, cases, folder, options=()):
    folder.mkdir()
    environment = [{"interval": f"{promql_generator.TICK}s", "series": []}]
    for one in series:
        environment[0]["series"].append({"series": one.text, "values": one.notation()})
    document = {"format": "promql-cases/1", "group": "core", "environments": {"all": environment}, "cases": cases}
    (folder / "cases.json").write_text(json.dumps(document))
    run = subprocess.run(
        [binary("promql-conformance"), *options, str(folder)], check=True, capture_output=True, timeout=150,
        env=clean_environment(),
    )
    answers = [json.loads(line) for line in run.stdout.decode().splitlines()]
    return {answer["id"]: answer for answer in answers}


def is_close(one, other):
    a, b = float(one), float(other)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    # Sums that cancel leave a remainder of rounding.
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-7


def table(data):
    """Answers by labels and time."""
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        return {((), result[0]): result[1]}
    rows = {}
    for item in result:
        labels = tuple(sorted(item["metric"].items()))
        for time, value in item.get("values") or [item["value"]]:
            rows[labels, time] = value
    return rows


def difference(case, there, here, delays):
    """What differs, or None; `delays` says whether names were dropped from the result alone."""
    if delays and there.get("error", "").endswith(ONLY_THERE):
        return None
    if there["status"] != here["status"]:
        if here.get("error", "").startswith(ONLY_HERE) and COMPARISON.search(case["expr"]):
            return None
        return f"there {there.get('error', 'an answer')}, here {here.get('error', 'an answer')}"
    if there["status"] == "error":
        # Which of several duplicates is named depends on the order of series.
        texts = [answer["error"].split(" on the ")[0].split("{")[0] for answer in (there, here)]
        return None if texts[0].endswith(texts[1]) else f"errors {there['error']} and {here['error']}"
    if there["data"]["resultType"] != here["data"]["resultType"]:
        return f"types {there['data']['resultType']} and {here['data']['resultType']}"
    theirs, ours = table(there["data"]), table(here["data"])
    if theirs.keys() != ours.keys():
        return f"only there {sorted(theirs.keys() - ours.keys())[:3]}, only here {sorted(ours.keys() - theirs.keys())[:3]}"
    for key in theirs:
        if not is_close(theirs[key], ours[key]):
            return f"{key}: there {theirs[key]}, here {ours[key]}"
    if "at" in case and case["expr"].startswith(("sort(", "sort_desc(")) and there["data"]["resultType"] == "vector":
        values = [[item["value"][1] for item in answer["data"]["result"]] for answer in (there, here)]
        if not all(is_close(a, b) for a, b in zip(*values)):
            return f"order there {values[0]}, here {values[1]}"
    return None


@pytest.mark.parametrize("delays", [True, False], ids=["names-at-the-end", "names-at-once"])
def test_random_expressions_agree(prometheus, tmp_path, delays):
    series = promql_generator.make_series(SEED)
    cases = promql_generator.make_cases(SEED, CASES)
    here = ask_here(series, cases, tmp_path / "cases", [] if delays else ["--names-at-once"])
    port = prometheus(series)
    problems = []
    answered = 0
    for case in cases:
        there = ask_prometheus(port, case)
        problem = difference(case, there, here[case["id"]], delays)
        if problem:
            problems.append(f"{case['id']} {case.get('at') or case['range']}: {case['expr']}\n    {problem}")
        elif there["status"] == "success" and there["data"]["result"]:
            answered += 1
    print(f"{len(cases)} expressions, {answered} with an answer that is not empty, {len(problems)} differ")
    assert not problems, "\n".join(problems[:40])
    # Most questions must have been worth asking.
    assert answered > CASES / 2

