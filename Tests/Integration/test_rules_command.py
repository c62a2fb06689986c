"""`sloctl rules`: promtool's own files and the conformance cases by the command line, and exports that promtool loads."""

import json
import subprocess

import pytest
import yaml
from harness import PROJECT, binary, clean_environment, promtool

CASES = PROJECT.parent / "shared" / "promql"

if not CASES.is_dir():
    print(f"skipped in part: {CASES} is not there")
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not there")


def sloctl(*arguments, timeout=120):
    return subprocess.run(
        [binary("sloctl"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=clean_environment(),
    )


def manifest(folder):
    path = CASES / folder / "MANIFEST.json"
    return [(folder, entry) for entry in json.loads(path.read_text())] if path.exists() else []


@needs_cases
@pytest.mark.parametrize(
    "folder,entry",
    [
        pytest.param(folder, entry, id=f"{folder}/{entry['file']}")
        for folder, entry in manifest("rules") + manifest("community-rules")
        # What needs native histograms is a later step.
        if entry["file"] != "promtool/unittest.yml"
    ],
)
def test_a_file_does_what_its_manifest_says(folder, entry):
    command = "test" if entry["kind"] == "test" else "check"
    answer = sloctl("rules", command, CASES / folder / entry["file"])
    told = answer.stdout + answer.stderr
    assert "Fatal error" not in told
    if entry["expect"] == "pass":
        assert answer.returncode == 0, told
    else:
        assert answer.returncode in (1, 78), told
        assert entry["file"].rsplit("/", 1)[-1] in told


@needs_cases
@pytest.mark.parametrize("form", ["yaml", "yaml-tolerant"])
def test_every_conformance_case_passes(form):
    files = sorted((CASES / form).glob("*.yaml"))
    answer = sloctl("rules", "test", "--format", "json", *files, timeout=300)
    document = json.loads(answer.stdout)
    wrong = [(case["name"], case["message"]) for case in document["cases"] if case["status"] != "passed"]
    assert (wrong, answer.returncode) == ([], 0)
    assert document["passed"] >= len(files)


@needs_cases
def test_each_expression_that_must_fail_fails_alone(tmp_path):
    count = 0
    for path in sorted((CASES / "yaml-mustfail").glob("*.yaml")):
        whole = yaml.safe_load(path.read_text())
        for test in whole["tests"]:
            file = tmp_path / f"{count}.yaml"
            file.write_text(yaml.safe_dump({**whole, "tests": [test]}))
            answer = sloctl("rules", "test", file)
            assert answer.returncode == 1, (path.name, test, answer.stdout, answer.stderr)
            count += 1
    assert count > 0


@needs_cases
def test_single_entries_of_conformance_files_pass(tmp_path):
    """Every tenth entry in a file of its own, as a scorer would cut it."""
    count = 0
    for path in sorted((CASES / "yaml").glob("*.yaml")):
        whole = yaml.safe_load(path.read_text())
        for test in whole["tests"][::10]:
            file = tmp_path / f"{count}.yaml"
            file.write_text(yaml.safe_dump({**whole, "tests": [test]}))
            answer = sloctl("rules", "test", file)
            assert answer.returncode == 0, (path.name, answer.stdout, answer.stderr)
            count += 1
    assert count > 0


def test_the_shipped_rules_have_no_warning_and_promtool_loads_them(tmp_path):
    checked = sloctl("rules", "check", "--lint-fatal", PROJECT / "AlertRules")
    assert checked.returncode == 0, checked.stderr
    # Notes tell how windows longer than the retention are kept; they are no warnings.
    assert [line for line in checked.stderr.splitlines() if not line.startswith("note: ")] == []
    exported = sloctl("rules", "export", PROJECT / "AlertRules")
    assert (exported.returncode, exported.stderr) == (0, "")
    file = tmp_path / "rules.yaml"
    file.write_text(exported.stdout)
    loaded = subprocess.run([promtool(), "check", "rules", "--lint=none", file], capture_output=True, text=True, timeout=60)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    thresholds = [
        threshold
        for path in (PROJECT / "AlertRules").glob("*.yaml")
        for group in (yaml.safe_load(path.read_text()) or {}).get("groups") or []
        for threshold in group.get("thresholds") or []
    ]
    alerts = [rule for group in yaml.safe_load(exported.stdout)["groups"] for rule in group["rules"] if "alert" in rule]
    levels = sum(("warn" in threshold) + ("crit" in threshold) for threshold in thresholds)
    assert len(alerts) == levels > 0


def test_an_exported_threshold_fires_where_the_threshold_does(tmp_path):
    """The same test file over the threshold and over what was exported of it."""
    rules = {
        "groups": [
            {
                "name": "app",
                "interval": "1m",
                "thresholds": [
                    {
                        "alert": "Slow",
                        "expr": "max by (job) (latency_seconds)",
                        "unit": "s",
                        "warn": "> 300ms",
                        "crit": "> 500ms",
                        "clear": "< 200ms",
                        "for": "1m",
                    }
                ],
            }
        ]
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    exported = sloctl("rules", "export", tmp_path / "rules.yaml")
    (tmp_path / "plain.yaml").write_text(exported.stdout)
    tests = {
        "rule_files": ["plain.yaml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": 'latency_seconds{job="api"}', "values": "0.1x3 0.6x3 0.25x3 0.1x5"}],
                "promql_expr_test": [
                    {
                        "expr": 'count by (severity) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{minute}m",
                        "exp_samples": [
                            {"labels": f'{{severity="{severity}"}}', "value": 1}
                            for severity in (["critical", "warning"] if firing else [])
                        ],
                    }
                    for minute, firing in [(3, False), (5, True), (7, True), (9, True), (13, False)]
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(tests))
    ours = sloctl("rules", "test", tmp_path / "test.yaml")
    assert ours.returncode == 0, ours.stdout + ours.stderr
    theirs = subprocess.run(
        [promtool(), "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True, timeout=60
    )
    assert theirs.returncode == 0, theirs.stdout + theirs.stderr
