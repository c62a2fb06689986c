"""Deploys: reported as ArgoCD, GitHub and pipelines report them, kept over kill -9, and alerted on."""

import hashlib
import hmac
import json
import time

import pytest
from harness import PROJECT, Tocsin, wait_until

SECRET = "It's a Secret to Everybody"


def ago(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


BEGAN, FAILED, AGAIN = ago(7200), ago(3600), ago(1800)


@pytest.fixture
def tocsin(tmp_path):
    (tmp_path / "github").write_text(SECRET + "\n")
    rules = (PROJECT / "AlertRules" / "deploys.yaml").read_text()
    server = Tocsin(tmp_path, rules=rules, settings={"sources": {"deploys": {"github_secret_file": str(tmp_path / "github")}}})
    server.start()
    yield server
    server.stop()


def github(tocsin, number, state, at, secret=SECRET, event="deployment_status"):
    """The webhook as GitHub signs it: HMAC-SHA256 of the body."""
    body = json.dumps(
        {
            "action": "created",
            "deployment": {"id": number, "sha": "9fceb02d", "environment": "production", "created_at": BEGAN},
            "deployment_status": {"state": state, "updated_at": at, "description": "helm timed out", "log_url": "https://ci.example/1"},
            "repository": {"name": "web", "full_name": "innovate/web"},
        }
    ).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-GitHub-Event": event, "X-Hub-Signature-256": signature}
    return tocsin.post("/v1/deploys", body, headers)


def test_failures_in_a_row_page_once_more_and_a_success_resolves(tocsin):
    assert github(tocsin, 1, "failure", FAILED).json() == {"result": "recorded"}

    def story():
        return [(each["priority"], each["state"]) for each in tocsin.incidents()]

    wait_until(lambda: story() == [("P4", "open")], "the first failure is an incident")

    # A pipeline of the same service fails too; what was acknowledged is there after kill -9.
    report = {"service": "web", "id": "run-2", "outcome": "failed", "message": "tests"}
    assert tocsin.post("/v1/deploys", json.dumps(report).encode()).json() == {"result": "recorded"}
    tocsin.kill()
    tocsin.start()
    assert tocsin.post("/v1/deploys", json.dumps(report).encode()).json() == {"result": "known"}
    assert github(tocsin, 1, "failure", FAILED).json() == {"result": "known"}
    wait_until(lambda: story() == [("P3", "open")], "two in a row are crit")
    assert tocsin.value('deploys_total{service="web", outcome="failed"}') == 2

    argocd = {
        "service": "web", "environment": "production", "outcome": "Succeeded", "revision": "51ad0e98",
        "started_at": AGAIN, "finished_at": "", "url": "https://argocd.example/applications/web",
    }  # fmt: skip
    assert tocsin.post("/v1/deploys", json.dumps(argocd).encode()).json() == {"result": "recorded"}
    wait_until(lambda: story() == [("P3", "resolved")], "a success resolves it")

    listed = tocsin.sloctl("deploys")
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    assert lines[0].split() == ["WHEN", "SERVICE", "ENVIRONMENT", "OUTCOME", "TOOK", "REVISION"]
    assert [line.split()[-3] for line in lines if " web " in line][0] == "succeeded"
    assert any("helm timed out  https://ci.example/1" in line for line in lines)
    only = json.loads(tocsin.sloctl("deploys", "--limit", "1", "-o", "json").stdout)
    assert [deploy["revision"] for deploy in only["deploys"]] == ["51ad0e98"]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"secret": "wrong"}, 401, "X-Hub-Signature-256 is not that of this body"),
        ({"event": "ping"}, 200, None),
        ({"state": "inactive"}, 200, None),
        ({"at": "yesterday"}, 400, "is not a time as GitHub writes it"),
    ],
)
def test_webhooks_that_tell_of_no_release(tocsin, change, status, reason):
    reply = github(tocsin, **{"number": 1, "state": "failure", "at": FAILED, **change})
    assert reply.status == status
    assert reply.json() == {"result": "ignored"} if reason is None else reason in reply.json()["detail"]
    assert tocsin.get("/v1/deploys").json() == {"deploys": []}


def test_bad_reports_are_refused_with_the_remedy_and_others_go_on(tocsin):
    for body, reason in [
        (b"{", "not a JSON object"),
        (b"[" * 200_000, "not a JSON object"),
        (b'{"service":"web","id":"1","outcome":"failed","enviroment":"x"}', '"enviroment" is not a field of a deploy'),
        (b'{"service":"web","outcome":"failed"}', '"id" or "started_at" is missing'),
    ]:
        reply = tocsin.post("/v1/deploys", body)
        assert reply.status == 400
        assert reason in reply.json()["detail"]
    assert tocsin.post("/v1/deploys", b" " * (2 << 20)).status == 413
    assert tocsin.get("/v1/deploys?limit=0").status == 400
    assert tocsin.post("/v1/deploys", b'{"service":"web","id":"1","outcome":"failed"}').status == 200
    source = tocsin.sources()["deploys"]
    assert source["refused"] == {"malformed": 4}
