"""What the integration tests share: processes that are started, waited for and stopped, and a pager that listens.

Nothing here sleeps for a fixed time and hopes: every wait asks for a condition until it holds or its deadline passes.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import remote_write
import yaml
from standardwebhooks.webhooks import Webhook

PROJECT = pathlib.Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared" / "data"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

# A loopback host of this run's own, so that ports found free stay free whatever else runs on the machine.
HOST = "127.{}.{}.1".format(1 + os.getpid() % 250, 1 + os.getpid() // 250 % 250)


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def binary(name):
    """The path of `tocsin` or `sloctl`: in the folder TOCSIN_BIN names, else where a debug build puts it."""
    path = pathlib.Path(os.environ.get("TOCSIN_BIN", PROJECT / ".build" / "debug")) / name
    if not path.exists():
        raise RuntimeError(f"{path} is missing; run `make integration-test`, or set TOCSIN_BIN to the binaries' folder")
    return str(path.resolve())


def wait_until(check, what, deadline=20.0, pause=0.03, alive=None):
    """Asks again and again until `check` gives something true, which is returned.

    `alive`: processes that must go on running meanwhile.
    """
    end = time.monotonic() + deadline
    last = None
    while True:
        try:
            last = check()
            if last:
                return last
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            last = error
        for process in alive or []:
            if process.poll() is not None:
                raise AssertionError(f"{process.args[0]} ended with {process.returncode} while waiting until {what}")
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}; last answer: {last!r}")
        time.sleep(pause)


def clean_environment(**extra):
    """This process's environment without proxies and without AWS credentials of whoever runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("AWS_")
        and not name.lower().endswith("_proxy")
        and not name.startswith("TOCSIN_")
    }
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent", **extra}


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def request(port, method, path, body=None, headers=None, timeout=15.0):
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Process:
    """A program with its output in a file."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.log_path = name, pathlib.Path(folder) / f"{name}.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            command,
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=environment or clean_environment(),
        )

    @property
    def output(self):
        return self.log_path.read_text(errors="replace")

    @property
    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        """SIGKILL, as a crash or the kernel would end it."""
        if self.is_running:
            self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self, deadline=15.0):
        """SIGTERM; gives the exit code and the seconds it took."""
        started = time.monotonic()
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {deadline} s of SIGTERM")
        self.log.close()
        return self.process.returncode, time.monotonic() - started


def oncall(hook_url, secret_file):
    """An on-call file in which every priority reaches one webhook at once."""
    policy = {"escalation": "default", "hours": "always"}
    return {
        "receivers": [
            {"name": "hook", "webhook": {"url": hook_url, "secret_file": str(secret_file), "format": "tocsin"}}
        ],
        "people": [{"name": "first", "time_zone": "UTC", "contact": ["hook"]}],
        "schedules": [
            {"name": "primary", "time_zone": "UTC", "rotation": "weekly", "handoff": "Mon 09:00", "members": ["first"]}
        ],
        "escalation": [{"name": "default", "steps": [{"notify": "schedule/primary"}]}],
        "priorities": {
            "P1": {"respond_within": "15m", **policy},
            "P2": {"respond_within": "30m", **policy},
            "P3": {"respond_within": "4h", **policy},
            "P4": {"respond_within": "4h", **policy},
        },
    }


class Tocsin:
    """`tocsin serve` on a folder of its own: settings, rules, on-call and data all lie in it."""

    def __init__(self, folder, rules=None, hook=None, settings=None, environment=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.environment = clean_environment(**(environment or {}))
        self.running = None
        self.write_rules(rules or {"groups": []})
        (self.folder / "secret").write_text(SECRET + "\n")
        self.write("oncall.yaml", oncall(hook or f"http://{HOST}:9/", self.folder / "secret"))
        base = {
            "server": {"listen": f"{HOST}:{self.port}"},
            "rules": [str(self.folder / "rules.yaml")],
            "store": {"path": str(self.folder / "data")},
            "evaluation": {"interval": "1s", "settle": "0s", "grace_after_start": "0s"},
            "incidents": {"file": str(self.folder / "oncall.yaml")},
        }
        for section, values in (settings or {}).items():
            base[section] = {**base.get(section, {}), **values} if isinstance(values, dict) else values
        self.write("tocsin.yaml", base)

    @property
    def url(self):
        return f"http://{HOST}:{self.port}"

    @property
    def config(self):
        return str(self.folder / "tocsin.yaml")

    def write(self, name, content):
        """A text as it is, anything else as YAML."""
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False, width=1000)
        (self.folder / name).write_text(text)

    def write_rules(self, rules):
        self.write("rules.yaml", rules)

    def start(self, deadline=30.0):
        self.running = Process(
            "tocsin", [binary("tocsin"), "serve", "--config", self.config], self.folder, self.environment
        )
        wait_until(
            lambda: self.get("/-/ready").status == 200,
            "tocsin is ready",
            deadline,
            pause=0.01,
            alive=[self.running.process],
        )
        return self

    def stop(self):
        return self.running.stop()

    def kill(self):
        self.running.kill()

    @property
    def log(self):
        path = self.folder / "tocsin.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # What it answers

    def get(self, path, headers=None):
        return request(self.port, "GET", path, headers=headers)

    def post(self, path, body=b"", headers=None):
        return request(self.port, "POST", path, body, headers)

    def write_samples(self, series):
        """Remote write; `series` as `remote_write.message` takes it. Only what is answered 204 counts as taken."""
        answer = self.post("/api/v1/write", remote_write.body(series), remote_write.HEADERS)
        if answer.status != 204:
            raise AssertionError(f"remote write was answered {answer.status}: {answer.text}")

    def query(self, expression, at=None):
        """The result of an instant query: a list for vectors and matrices, a pair for scalars."""
        return self._data("/api/v1/query", {"query": expression, **({"time": at} if at is not None else {})})

    def query_range(self, expression, start, end, step):
        return self._data("/api/v1/query_range", {"query": expression, "start": start, "end": end, "step": step})

    def _data(self, path, parameters):
        answer = self.get(f"{path}?{urllib.parse.urlencode(parameters)}")
        if answer.status != 200:
            raise AssertionError(f"{path} {parameters} was answered {answer.status}: {answer.text}")
        return answer.json()["data"]["result"]

    def value(self, expression, at=None):
        """The one value of a vector; None when it is empty."""
        result = self.query(expression, at)
        if len(result) > 1:
            raise AssertionError(f"{expression} gave {len(result)} series")
        return float(result[0]["value"][1]) if result else None

    def incidents(self):
        return self.get("/v1/incidents?all=true&limit=10000").json()["incidents"]

    def deliveries(self):
        return self.get("/v1/deliveries?limit=10000").json()["deliveries"]

    def sources(self):
        return {source["name"]: source for source in self.get("/v1/sources").json()["sources"]}

    def metric(self, name, **labels):
        """A value of its own /metrics, summed over what the labels leave open; None when there is none."""
        found = None
        for line in self.get("/metrics").text.splitlines():
            if not line.startswith(name) or line[len(name) : len(name) + 1] not in ("{", " "):
                continue
            if all(f'{label}="{value}"' in line for label, value in labels.items()):
                found = (found or 0.0) + float(line.rsplit(" ", 1)[1])
        return found

    def is_healthy(self):
        return self.running.is_running and self.get("/-/healthy").status == 200

    def sloctl(self, *arguments):
        return subprocess.run(
            [binary("sloctl"), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            env={**self.environment, "TOCSIN_URL": self.url},
        )


class Delivery:
    """One request that the pager got."""

    def __init__(self, path, headers, body, at):
        self.path, self.headers, self.body, self.at = path, headers, body, at
        self.id = headers.get("webhook-id", "")
        self.status = None
        try:
            self.message = Webhook(SECRET).verify(body, dict(headers.items()))
            self.fault = None
        except Exception as error:  # whatever the library finds wrong is the finding
            self.message, self.fault = None, f"{type(error).__name__}: {error}"

    @property
    def kind(self):
        return self.message["type"]

    @property
    def incident(self):
        return self.message["incident"]


class Pager:
    """A webhook receiver that verifies each signature with the Standard Webhooks library.

    `answer(delivery, index)` decides what each request gets: a status, a pair of status and headers, or None
    for no answer at all (the connection is held open until the pager stops or `release` is called).
    """

    def __init__(self, answer=None, port=0):
        self.answer = answer or (lambda delivery, index: 204)
        self.deliveries = []
        self.changed = threading.Condition()
        self.released = threading.Event()
        pager = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                pager._received(self, Delivery(self.path, self.headers, body, time.monotonic()))

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # a client killed in the middle is what some tests are about

        self.server = Server((HOST, port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://{HOST}:{self.port}/page"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _received(self, handler, delivery):
        with self.changed:
            index = len(self.deliveries)
            self.deliveries.append(delivery)
            self.changed.notify_all()
        answer = self.answer(delivery, index)
        if answer is None:
            self.released.wait(60)
            handler.close_connection = True
            return
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        handler.wfile.flush()
        with self.changed:
            delivery.status = status
            self.changed.notify_all()

    def snapshot(self):
        with self.changed:
            return list(self.deliveries)

    def wait_for(self, check, what, deadline=20.0):
        """The first thing true that `check` finds in the list of deliveries."""
        end = time.monotonic() + deadline
        with self.changed:
            while True:
                found = check(list(self.deliveries))
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    if found := check(list(self.deliveries)):
                        return found
                    got = [(one.id, one.status, one.fault or one.kind) for one in self.deliveries]
                    raise AssertionError(f"the pager did not get {what} within {deadline} s; it got {got}")

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def promtool():
    return shutil.which("promtool")
