"""What `make run` starts reaches a delivered page by itself, and stops cleanly."""

import re
import signal
import subprocess
import time

from harness import HOST, PROJECT, SECRET, binary, clean_environment, free_port, request, wait_until

KEYS = {"AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO", "AWS_SECRET_ACCESS_KEY": "demo-secret-of-the-stand-in"}


def test_the_demo_reaches_a_delivered_page(tmp_path, make_process):
    """The local settings with other ports: the stand-in, the log shipper and the pager of `tocsin demo` beside `serve`."""
    http, world, forward = free_port(), free_port(), free_port()
    # The project's files in the places that they name relatively; only the addresses differ.
    addresses = {
        "127.0.0.1:9467": f"{HOST}:{http}",
        "127.0.0.1:9468": f"{HOST}:{world}",
        "127.0.0.1:24224": f"{HOST}:{forward}",
    }
    for path in [*(PROJECT / "AlertRules").rglob("*"), *(PROJECT / "deploy" / "local").glob("*.yaml")]:
        copy = tmp_path / path.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            text = path.read_text()
            for address, other in addresses.items():
                text = text.replace(address, other)
            copy.write_text(text)
    settings = (tmp_path / "deploy" / "local" / "tocsin.yaml").read_text()
    assert settings.count(HOST) == 3, "each of the three addresses stands there once"
    secret = tmp_path / "var" / "tocsin" / "demo-pager.secret"
    secret.parent.mkdir(parents=True)
    secret.write_text(SECRET + "\n")

    environment = clean_environment(**KEYS)
    demo = make_process(
        "demo", [binary("tocsin"), "demo", "--listen", f"{HOST}:{world}", "--forward", f"{HOST}:{forward}"], environment
    )
    started = time.monotonic()
    serve = make_process("serve", [binary("tocsin"), "serve", "--config", "deploy/local/tocsin.yaml"], environment)
    both = [demo.process, serve.process]
    wait_until(lambda: f"http://{HOST}:{http}/" in serve.output, "the address of the page is shown", 20, alive=both)
    shown = dict(re.findall(r"^  (\S+) +(on|off)\b", serve.output, re.M))
    pushed = ["forward", "remote_write", "bulk", "otlp", "otlp_logs", "deploys"]
    off = ["scrape", "firehose", "elasticsearch"]
    assert shown == {"cloudwatch/eu-west-1": "on", **dict.fromkeys(pushed, "on"), **dict.fromkeys(off, "off")}
    wait_until(lambda: "PAGER" in demo.output, "the pager has printed a page", 60, alive=both)
    print(f"first page after {time.monotonic() - started:.1f} s")
    wait_until(lambda: "signature good" in demo.output, "its signature holds", 5, alive=both)
    assert "was refused" not in demo.output

    def documents(path):
        return request(http, "GET", path).json()

    wait_until(
        lambda: [one for one in documents("/v1/deliveries")["deliveries"] if one["state"] == "delivered"],
        "the delivery is on record",
        5,
    )
    # Latency and errors both come.
    names = wait_until(
        lambda: (
            (names := {one["labels"].get("alertname") for one in documents("/v1/incidents?all=true")["incidents"]})
            and {"ShopLatency", "ShopErrors"} <= names
            and names
        ),
        "latency and errors have incidents",
        40,
        alive=both,
    )
    assert names
    page = request(http, "GET", "/", headers={"Accept": "text/html"})
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html") and "ShopLatency" in page.text
    sources = {one["name"]: one for one in documents("/v1/sources")["sources"]}
    for name in ["cloudwatch/eu-west-1", "forward"]:
        assert sources[name]["accepted"] > 0 and sources[name]["on"], sources[name]

    # The commands that README gives for the while it runs.
    for command, word in [
        (["budget", "availability"], "availability"),
        (["incident", "list"], "Shop"),
        (["sources"], "forward"),
    ]:
        answer = subprocess.run(
            [binary("sloctl"), *command],
            capture_output=True,
            text=True,
            timeout=30,
            env={**environment, "TOCSIN_URL": f"http://{HOST}:{http}"},
        )
        assert answer.returncode == 0 and word in answer.stdout, answer.stderr

    # Recovery resolves it, as the story promises within a minute.
    wait_until(lambda: "PAGER  RESOLVED" in demo.output, "the pager is told of the end", 60, alive=both)
    print(f"resolved after {time.monotonic() - started:.1f} s")

    for process in (serve, demo):
        code, seconds = process.stop(deadline=15)
        assert code == 0, process.output[-2000:]
        assert seconds < 10, f"{process.name} took {seconds:.1f} s to stop"
    assert "Fatal" not in serve.output + demo.output


def test_ctrl_c_stops_too(make_tocsin):
    tocsin = make_tocsin().start()
    tocsin.running.process.send_signal(signal.SIGINT)
    assert tocsin.running.process.wait(10) == 0


def test_hangup_reloads(make_tocsin):
    tocsin = make_tocsin().start()
    tocsin.write_rules({"groups": [{"name": "new", "rules": [{"record": "one", "expr": "vector(1)"}]}]})
    tocsin.running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: tocsin.value("one") == 1, "the new rules run")
    assert tocsin.stop()[0] == 0
