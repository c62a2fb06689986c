"""Tocsin scrapes what Prometheus scrapes, from the same configuration file, and the two agree.

The oracle is Debian's Prometheus 2.42 with an unchanged prometheus.yml that both read.
"""

import json
import pathlib
import random
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from harness import HOST, Process, Tocsin, clean_environment, free_port, request, wait_until

INTERVAL = "1s"


class Pages:
    """Serves pages of metrics by path; counts requests and remembers their headers."""

    def __init__(self):
        self.pages, self.seen = {}, []
        pages = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.split("?")[0]
                pages.seen.append((self.path, dict(self.headers.items())))
                kind, text = pages.pages.get(path, ("text/plain; version=0.0.4", None))
                body = (text if text is not None else "no such page").encode()
                self.send_response(200 if text is not None else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, request, client_address):
                """A scraper that gives up or is stopped is no news."""

        self.server = Server((HOST, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Pair:
    """A Prometheus and a Tocsin that read one prometheus.yml."""

    def __init__(self, folder, scrape_configs):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "prometheus.yml"
        settings = {"global": {"scrape_interval": "3s", "scrape_timeout": "3s"}, "scrape_configs": scrape_configs}
        self.config.write_text(yaml.safe_dump(settings, sort_keys=False, width=1000, allow_unicode=True))
        self.port = free_port()
        self.process = Process(
            "prometheus",
            [
                shutil.which("prometheus"),
                f"--config.file={self.config}",
                f"--web.listen-address={HOST}:{self.port}",
                f"--storage.tsdb.path={self.folder / 'prometheus'}",
                "--log.level=warn",
            ],
            self.folder,
            clean_environment(),
        )
        self.tocsin = Tocsin(
            self.folder / "tocsin", settings={"sources": {"scrape": {"prometheus_files": [str(self.config)]}}}
        ).start()
        wait_until(lambda: request(self.port, "GET", "/-/ready").status == 200, "Prometheus is ready")

    def stop(self):
        self.tocsin.stop()
        self.process.stop()

    def targets(self, port, state="any"):
        return request(port, "GET", f"/api/v1/targets?state={state}").json()["data"]

    @staticmethod
    def series(port, selector):
        answer = request(port, "GET", f"/api/v1/query?query={selector}").json()
        return {json.dumps(one["metric"], sort_keys=True): one["value"][1] for one in answer["data"]["result"]}

    def settled(self, port, jobs):
        """True when every target of the jobs was scraped twice."""
        counts = self.series(port, "count_over_time(up%5B5m%5D)")
        found = {}
        for labels, count in counts.items():
            job = json.loads(labels)["job"]
            found[job] = min(found.get(job, 99), int(float(count)))
        return all(found.get(job, 0) >= 2 for job in jobs)

    def wait(self, jobs):
        for port in (self.port, self.tocsin.port):
            wait_until(lambda: self.settled(port, jobs), f"{port} has scraped all jobs twice", deadline=40)


@pytest.fixture(scope="module")
def pages():
    pages = Pages()
    yield pages
    pages.stop()


def test_node_exporter_gives_the_same_series(tmp_path):
    port = free_port()
    exporter = Process(
        "node-exporter",
        [shutil.which("prometheus-node-exporter"), f"--web.listen-address={HOST}:{port}"],
        tmp_path,
        clean_environment(),
    )
    pair = None
    try:
        wait_until(lambda: request(port, "GET", "/metrics").status == 200, "the node exporter answers")
        pair = Pair(
            tmp_path / "pair",
            [
                {
                    "job_name": "node",
                    "static_configs": [{"targets": [f"{HOST}:{port}"], "labels": {"dc": "x"}}],
                    "metric_relabel_configs": [
                        {"source_labels": ["__name__"], "regex": "go_memstats_.*", "action": "drop"}
                    ],
                }
            ],
        )
        pair.wait(["node"])
        # A network device or a mount may come between two scrapes: then they are compared once more.
        for _ in range(5):
            theirs, ours = (pair.series(one, "%7Bjob%3D%22node%22%7D") for one in (pair.port, pair.tocsin.port))
            if theirs.keys() == ours.keys():
                break
            time.sleep(1)
        assert theirs.keys() == ours.keys()
        assert len(ours) > 300
        steady = [labels for labels in ours if "_info" in labels or "node_memory_MemTotal_bytes" in labels]
        assert steady and all(ours[labels] == theirs[labels] for labels in steady)
        for name in ("scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "up"):
            assert pair.tocsin.value(name) == float(*pair.series(pair.port, name).values()), name
        # The exporter ends: down, and all its series end at once.
        exporter.stop()
        wait_until(lambda: pair.tocsin.value("up") == 0, "the exporter is seen to be down")
        assert pair.tocsin.query('node_uname_info') == []
        status = pair.tocsin.sources()["scrape/node"]
        assert "connection refused" in status["advice"] and "start the target" in status["advice"]
    finally:
        exporter.kill()
        if pair:
            pair.stop()


# MARK: Pages

VALUES = ["0", "1", "-1", "1.5e3", "NaN", "+Inf", "-Inf", "0.1234567890123456789", "1e-320", "123456789012345678", "Inf"]
TEXTS = ["", "a", "é", "\\\\", '\\"', "\\n", "{}", ",", " ", "#", "=", "\\x", "日本", "\t"]


def page(generator, broken):
    """A page of text exposition, in every shape that the format allows; or with something wrong in it."""
    lines = []
    names = [f"{generator.choice('abc:_')}m{index}" for index in range(generator.randint(0, 12))]
    for name in names:
        if generator.random() < 0.5:
            lines.append(f"# HELP {name} some help\\n and \\\\ more")
            lines.append(f"# TYPE {name} {generator.choice(['counter', 'gauge', 'histogram', 'summary', 'untyped'])}")
        for row in range(generator.randint(1, 4)):
            labels = [f'l{n}="{"".join(generator.choices(TEXTS, k=2))}"' for n in range(generator.randint(0, 3))]
            labels.append(f'row="{row}"')
            if generator.random() < 0.2:
                labels.append(f'{generator.choice(["job", "instance", "exported_job"])}="x"')
            blank = generator.choice(["", "", " ", "  ", "\t"])
            body = f",{blank}".join(labels) + generator.choice(["", "", ","])
            time_part = generator.choice(["", "", "", f" {int(time.time() * 1000) - generator.randint(0, 2000)}"])
            # No blanks in front: 2.42 takes them for a part of the name.
            series = f"{name}{blank}{{{blank}{body}{blank}}}"
            lines.append(f"{series}{generator.choice([' ', '  ', chr(9)])}{generator.choice(VALUES)}{time_part}")
        if generator.random() < 0.2:
            lines.append(generator.choice(["", "# a remark", "#", "   "]))
    if broken:
        lines.insert(
            generator.randint(0, len(lines)),
            generator.choice(
                [
                    "x", "x 1 2 3", 'x{a="1} 1', "x{a=1} 1", "x 1_0", "x 0x10", "x +nan", "{} 1", "1x 1", "# TYPE x y",
                    'x{0="1"} 1', 'x{a="1",,} 1', "x 1 -5", "x 1e999", 'x{a="1",a="2"} 1', "x 1\r", "# HELP 5 x",
                    "x 1 1.5",
                ]
            ),
        )
    return "\n".join(lines) + generator.choice(["", "\n"])


def open_metrics(generator, broken):
    lines = []
    for index in range(generator.randint(0, 8)):
        name = f"om{index}"
        kind = generator.choice(["counter", "gauge", "unknown", "info", "stateset", "gaugehistogram", "histogram"])
        if generator.random() < 0.5:
            lines.append(f"# TYPE {name} {kind}")
            lines.append(f"# HELP {name} some help")
        if generator.random() < 0.2:
            lines.append(f"# UNIT {name}_seconds seconds")
        suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
        for row in range(generator.randint(1, 3)):
            time_part = generator.choice(["", "", f" {time.time() - generator.random():.3f}"])
            exemplar = generator.choice(["", "", ' # {trace_id="x"} 0.5', f" # {{}} 1 {int(time.time())}"])
            exemplar = exemplar if suffix == "_total" else ""
            lines.append(f'{name}{suffix}{{row="{row}"}} {generator.choice(VALUES)}{time_part}{exemplar}')
        if kind == "counter":
            lines.append(f'{name}_created{{row="0"}} {time.time():.3f}')
    end = ["# EOF\n"]
    if broken:
        fault = generator.choice(["end", "after", "blank", "spaces", "comma", "remark", "unit", "type"])
        if fault == "end":
            end = []
        elif fault == "after":
            end = ["# EOF", "x 1"]
        else:
            lines.insert(
                generator.randint(0, len(lines)),
                {
                    "blank": "", "spaces": "x  1", "comma": 'x{a="1",} 1', "remark": "# a remark",
                    "unit": "# UNIT x seconds", "type": "# TYPE x untyped",
                }[fault],
            )
    return "\n".join(lines + end)


def test_generated_pages_are_read_alike(tmp_path, pages):
    generator = random.Random(20261124)
    jobs = []
    for index in range(150):
        is_open = index % 3 == 0
        text = (open_metrics if is_open else page)(generator, broken=index % 2 == 1)
        kind = "application/openmetrics-text; version=1.0.0; charset=utf-8" if is_open else "text/plain; version=0.0.4"
        pages.pages[f"/{index}"] = (kind, text)
        jobs.append(
            {
                "job_name": f"page{index}",
                "metrics_path": f"/{index}",
                "honor_labels": index % 5 == 0,
                "honor_timestamps": index % 7 != 0,
                "static_configs": [{"targets": [f"{HOST}:{pages.port}"]}],
            }
        )
    pair = Pair(tmp_path, jobs)
    try:
        pair.wait([job["job_name"] for job in jobs if not job["honor_labels"]])

        def ups():
            return [pair.series(port, "up") for port in (pair.port, pair.tocsin.port)]

        def faults():
            errors = [
                {one["scrapePool"]: one["lastError"] for one in pair.targets(port)["activeTargets"]}
                for port in (pair.port, pair.tocsin.port)
            ]
            theirs, ours = ups()
            jobs = {json.loads(labels)["job"] for labels in theirs if theirs[labels] != ours.get(labels)}
            return {job: [one.get(job) for one in errors] for job in jobs}

        # A scrape that times out on a busy machine is mended by the next one; a page that is read otherwise is not.
        wait_until(lambda: not faults(), "the same pages are good", 45)
        ours = pair.series(pair.tocsin.port, "up")
        assert 30 < list(ours.values()).count("0") < 90
        selector = "%7Bjob%3D~%22.%2B%22%2C__name__!~%22scrape_.*%7Cup%22%7D"

        def differing():
            theirs, ours = (pair.series(port, selector) for port in (pair.port, pair.tocsin.port))
            return {labels: (ours.get(labels), theirs.get(labels)) for labels in ours.keys() | theirs.keys()
                    if ours.get(labels) != theirs.get(labels)}

        wait_until(lambda: not differing(), "the same series", 45)
        ours = pair.series(pair.tocsin.port, selector)
        assert len(ours) > 500
        for name in ("scrape_samples_scraped", "scrape_samples_post_metric_relabeling"):
            good = "%20and%20on(job)%20(up%20%3D%3D%201)"
            assert pair.series(pair.port, name + good) == pair.series(pair.tocsin.port, name + good), name
    finally:
        pair.stop()


def test_generated_pages_are_good_for_promtool_too():
    """The pages that are meant to be good are good for Prometheus's own linter: 3 is advice about names."""
    generator = random.Random(5)
    for _ in range(20):
        # An unknown escape stays as it is for the scraper; the linter refuses it.
        text = page(generator, broken=False).replace("\\x", "x").rstrip("\n") + "\n"
        done = subprocess.run(
            [shutil.which("promtool"), "check", "metrics"], input=text.encode(), capture_output=True, timeout=30
        )
        assert done.returncode in (0, 3), (text, done.stderr)


# MARK: Relabelling

SOURCES = ["__address__", "dc", "role", "__meta_x", "__meta_y", "job", "none", "__scheme__"]
REGEXES = ["(.*)", "(.+):(\\d+)", "x|y", "(a)(b)?.*", "", "(?i)DB.*", "[^:]*", "(.*);(.*)", "__meta_(.+)", ".*"]
REPLACEMENTS = ["$1", "${2}", "$1-$2", "constant", "", "$$1", "${1}x$1x", "$0", "a${none}b"]
TARGETS = ["dc", "new", "tmp_${1}", "instance", "__tmp", "job", "l_$1"]


def relabel_rule(generator):
    action = generator.choice(
        ["replace"] * 5
        + ["keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"]
    )
    sources = generator.sample(SOURCES, generator.randint(1, 3))
    regex = generator.choice(REGEXES)
    if action == "replace":
        rule = {"target_label": generator.choice(TARGETS), "regex": regex, "replacement": generator.choice(REPLACEMENTS)}
        if generator.random() < 0.8:
            rule["source_labels"] = sources
        if generator.random() < 0.3:
            rule["separator"] = generator.choice(["", "-", ";;"])
    elif action in ("keep", "drop"):
        # Seldom one that drops everything.
        rule = {"source_labels": sources, "regex": generator.choice([".*", "x|y", "(.+):(\\d+)", "[^y]*"])}
    elif action in ("keepequal", "dropequal", "lowercase", "uppercase"):
        rule = {"source_labels": sources[:1], "target_label": generator.choice(["dc", "role", "new"])}
    elif action == "hashmod":
        rule = {"source_labels": sources, "target_label": "shard", "modulus": generator.choice([1, 7, 1000])}
    elif action == "labelmap":
        rule = {"regex": generator.choice(["__meta_(.+)", "(d)(.)", "(role)"]), "replacement": generator.choice(["m_$1", "$1"])}
    elif action == "labeldrop":
        rule = {"regex": generator.choice(["dc", "__meta_.*", "ro.*"])}
    else:
        rule = {"regex": generator.choice(["__.*|job|dc", "__.*|[a-z_]+", "__.*"])}
    return {"action": action, **rule}


def test_generated_relabelling_is_done_alike(tmp_path):
    generator = random.Random(20261125)
    jobs = []
    for index in range(250):
        jobs.append(
            {
                "job_name": f"j{index}",
                "scrape_interval": "1h",
                "static_configs": [
                    {
                        "targets": [f"{HOST}:{9 + n}" for n in range(2)],
                        "labels": {
                            "dc": generator.choice(["x", "y", "ab", "DB1"]),
                            "role": generator.choice(["Web", "db", "ÄÖ"]),
                            "__meta_x": generator.choice(["x", "a:1", "abc"]),
                            "__meta_y": generator.choice(["Y", "x", "k=v"]),
                        },
                    }
                ],
                "relabel_configs": [relabel_rule(generator) for _ in range(generator.randint(1, 5))],
            }
        )
    pair = Pair(tmp_path, jobs)
    try:

        def found(port):
            data = pair.targets(port)
            active = sorted(
                (one["scrapePool"], one["scrapeUrl"], json.dumps(one["labels"], sort_keys=True))
                for one in data["activeTargets"]
                if one["scrapeUrl"]
            )
            return active, len(data["droppedTargets"])

        wait_until(lambda: len(found(pair.port)[0]) + found(pair.port)[1] >= 450, "Prometheus has its targets", 30)
        wait_until(lambda: found(pair.tocsin.port) == found(pair.port), "the same targets", 20)
        active, dropped = found(pair.tocsin.port)
        assert len(active) > 200 and dropped > 20
        # 2.42 shows labels from the middle of relabelling here, so ours are held against the file.
        written = {job["job_name"]: job["static_configs"][0]["labels"] for job in jobs}
        for one in pair.targets(pair.tocsin.port)["activeTargets"]:
            if one["scrapeUrl"]:
                assert one["discoveredLabels"].items() >= written[one["scrapePool"]].items()
                assert one["discoveredLabels"]["job"] == one["scrapePool"]
    finally:
        pair.stop()


# MARK: The rest of a target's life


def test_targets_come_and_go_with_their_file(tmp_path, pages):
    pages.pages["/life"] = ("text/plain", "life 1\n")
    listing = tmp_path / "targets.json"
    listing.write_text(json.dumps([{"targets": [f"{HOST}:{pages.port}"], "labels": {"dc": "x"}}]))
    job = {
        "job_name": "files",
        "scrape_interval": INTERVAL,
        "scrape_timeout": "900ms",
        "metrics_path": "/life",
        "params": {"module": ["a b"]},
        "basic_auth": {"username": "u", "password_file": str(tmp_path / "password")},
        "file_sd_configs": [{"files": [str(tmp_path / "targets.*.json"), str(listing)]}],
    }
    (tmp_path / "password").write_text("secret\n")
    tocsin = Tocsin(tmp_path / "tocsin", settings={"sources": {"scrape": {"scrape_configs": [job]}}}).start()
    try:
        wait_until(lambda: tocsin.value("life") == 1, "the target is scraped")
        path, headers = next(one for one in pages.seen if one[0].startswith("/life"))
        assert path == "/life?module=a+b"
        assert headers["Authorization"] == "Basic dTpzZWNyZXQ="
        assert headers["Accept"].startswith("application/openmetrics-text;version=1.0.0")
        assert headers["User-Agent"].startswith("Tocsin/")
        assert tocsin.query("life")[0]["metric"]["dc"] == "x"
        listing.write_text("[{")
        wait_until(lambda: "targets.json" in tocsin.sources()["scrape/files"]["advice"], "the broken file is told of")
        assert tocsin.value("life") == 1
        listing.write_text("[]")
        wait_until(lambda: tocsin.query("life") == [], "the series end with their target", 20)
        wait_until(lambda: tocsin.sources()["scrape/files"]["advice"] == "", "all is well")
    finally:
        tocsin.stop()


def test_a_reload_changes_the_jobs(tmp_path, pages):
    pages.pages["/one"] = ("text/plain", "one 1\n")
    pages.pages["/two"] = ("text/plain", "two 1\n")

    def job(name):
        return {
            "job_name": name,
            "scrape_interval": INTERVAL,
            "scrape_timeout": "900ms",
            "metrics_path": f"/{name}",
            "static_configs": [{"targets": [f"{HOST}:{pages.port}"]}],
        }

    prometheus = tmp_path / "prometheus.yml"
    prometheus.write_text(yaml.safe_dump({"scrape_configs": [job("one")]}))
    settings = {"sources": {"scrape": {"prometheus_files": [str(prometheus)]}}}
    tocsin = Tocsin(tmp_path / "tocsin", settings=settings).start()
    try:
        wait_until(lambda: tocsin.value("one") == 1, "the first job is scraped")
        prometheus.write_text(yaml.safe_dump({"scrape_configs": [job("one"), job("two")]}))
        assert tocsin.post("/-/reload").status == 200
        wait_until(lambda: tocsin.value("two") == 1, "the second job is scraped")
        prometheus.write_text(yaml.safe_dump({"scrape_configs": [{**job("two"), "azure_sd_configs": [{}]}]}))
        answer = tocsin.post("/-/reload")
        assert answer.status != 200 and "azure_sd_configs" in answer.text and "file_sd_configs" in answer.text
        prometheus.write_text(yaml.safe_dump({"scrape_configs": [job("two")]}))
        assert tocsin.post("/-/reload").status == 200
        assert "scrape/one" not in tocsin.sources()
        wait_until(lambda: tocsin.query("one") == [], "the first job's series end", 20)
    finally:
        tocsin.stop()


def test_tls_is_checked_and_the_client_shows_its_certificate(tmp_path, pages):
    import ssl

    def make(name, *options):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(tmp_path / f"{name}.key"),
             "-out", str(tmp_path / f"{name}.pem"), *options],
            check=True, capture_output=True, timeout=60,
        )

    make("exporter.test")
    make("client.test")
    served = Pages()
    served.pages["/metrics"] = ("text/plain", "secured 1\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "exporter.test.pem", tmp_path / "exporter.test.key")
    context.load_verify_locations(tmp_path / "client.test.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    served.server.socket = context.wrap_socket(served.server.socket, server_side=True)

    def job(name, **tls):
        return {
            "job_name": name,
            "scheme": "https",
            "scrape_interval": INTERVAL,
            "scrape_timeout": "1s",
            "static_configs": [{"targets": [f"{HOST}:{served.port}"]}],
            "tls_config": tls,
        }

    certificate = {"cert_file": str(tmp_path / "client.test.pem"), "key_file": str(tmp_path / "client.test.key")}
    trusted = {"ca_file": str(tmp_path / "exporter.test.pem")}
    jobs = [
        job("good", **trusted, **certificate, server_name="exporter.test"),
        job("blind", **certificate, insecure_skip_verify=True),
        job("untrusted", **certificate, server_name="exporter.test"),
        job("misnamed", **trusted, **certificate, server_name="other.test"),
        job("nobody", **trusted, server_name="exporter.test"),
    ]
    tocsin = Tocsin(tmp_path / "tocsin", settings={"sources": {"scrape": {"scrape_configs": jobs}}}).start()
    try:
        expected = {"good": "1", "blind": "1", "untrusted": "0", "misnamed": "0", "nobody": "0"}

        def found():
            return {one["metric"]["job"]: one["value"][1] for one in tocsin.query("up")}

        wait_until(lambda: found() == expected, "those who may are served, and nobody else")
        assert all(tocsin.value(f'max_over_time(up{{job="{job}"}}[5m])') == 0 for job in ("untrusted", "misnamed", "nobody"))
        assert "check tls_config" in tocsin.sources()["scrape/untrusted"]["advice"]
    finally:
        tocsin.stop()
        served.stop()
