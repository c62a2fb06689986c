"""The servers that are measured, each started with an empty folder of its own, on loopback."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import measure

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NO_RULES = "groups: []\n"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


class Program:
    """One process on the cores it may use; stopping it signals exactly this process."""

    def __init__(self, command, log, cores):
        self.log = open(log, "ab")
        # taskset becomes the program, so the process is the server itself.
        self.process = subprocess.Popen(["taskset", "-c", cores, *command], stdout=self.log, stderr=self.log)
        self.pid = self.process.pid

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Server:
    """What all of them have in common; subclasses say the command and how rules are changed."""

    name = ""
    ready_path = "/-/ready"

    def __init__(self, scratch, pinned=False, page_port=None, interval=15, quiet=0):
        self.folder = tempfile.mkdtemp(prefix=self.name + "-", dir=scratch)
        self.port, self.page_port, self.interval, self.quiet = free_port(), page_port, interval, quiet
        self.cores = str(measure.SERVER_CORE) if pinned else f"0-{measure.CORES - 1}"
        self.rules = write(self.folder, "rules.yaml", NO_RULES)
        self.evaluator = None
        self.prepare()
        self.start()

    def prepare(self):
        """Writes the files that the command names."""

    def start(self):
        measure.wait_until_quiet(self.quiet)
        log = os.path.join(self.folder, "log")
        began = time.monotonic()
        self.program = Program(self.command(), log, self.cores)
        self.began = began
        while True:
            if self.program.process.poll() is not None or time.monotonic() - began > 300:
                tail = open(log, errors="replace").read()[-2000:]
                raise RuntimeError(f"{self.name} did not start:\n{tail}")
            try:
                if self.get(self.ready_path, 5)[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.002)
        self.ready_seconds = time.monotonic() - began

    def get(self, path, timeout=120):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def query(self, text):
        """The result of an instant query."""
        status, body = self.get(self.query_path(text))
        if status != 200:
            raise RuntimeError(f"{self.name}: {text}: {status} {body[:300]}")
        return json.loads(body)["data"]["result"]

    def number(self, text):
        """The value of a query that gives one series, 0 without."""
        result = self.query(text)
        return float(result[0]["value"][1]) if result else 0.0

    @staticmethod
    def query_path(text):
        return "/api/v1/query?" + urllib.parse.urlencode({"query": text, "nocache": "1"})

    @staticmethod
    def range_path(text, start, end, step):
        values = {"query": text, "start": start, "end": end, "step": step, "nocache": "1"}
        return "/api/v1/query_range?" + urllib.parse.urlencode(values)

    def cpu(self):
        return measure.cpu_of(self.program.pid) + (measure.cpu_of(self.evaluator.pid) if self.evaluator else 0)

    def memory(self):
        return measure.memory_of(self.program.pid)

    def use_rules(self, text):
        write(self.folder, "rules.yaml", text)
        os.kill(self.program.pid, signal.SIGHUP)

    def kill_and_restart(self):
        self.program.stop(signal.SIGKILL)
        self.start()

    def stop(self):
        if self.evaluator:
            self.evaluator.stop()
        self.program.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def binary_bytes(self):
        return sum(os.path.getsize(os.path.realpath(shutil.which(path))) for path in self.binaries())


class Prometheus(Server):
    name = "prometheus"

    def binaries(self):
        return ["prometheus"]

    def prepare(self):
        alerting = ""
        if self.page_port:
            alerting = f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{self.page_port}']}}]}}]}}\n"
        self.config = write(
            self.folder, "prometheus.yaml",
            f"global: {{evaluation_interval: {self.interval}s}}\nrule_files: ['{self.rules}']\n{alerting}")

    def command(self):
        return ["prometheus", f"--config.file={self.config}", f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver", "--log.level=warn"]


class VictoriaMetrics(Server):
    name = "victoria"
    ready_path = "/health"

    def binaries(self):
        return ["victoria-metrics", "vmalert"]

    def command(self):
        return ["victoria-metrics", f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
                "-loggerLevel=WARN", "-search.latencyOffset=0s", "-search.maxUniqueTimeseries=3000000"]

    def use_rules(self, text):
        """Rules are evaluated by vmalert, a process of its own, which counts as the server's."""
        write(self.folder, "rules.yaml", text)
        if self.evaluator:
            self.evaluator.stop()
            self.evaluator = None
        if text == NO_RULES:
            return
        command = ["vmalert", f"-datasource.url=http://127.0.0.1:{self.port}", f"-rule={self.rules}",
                   f"-evaluationInterval={self.interval}s", f"-httpListenAddr=127.0.0.1:{free_port()}", "-loggerLevel=WARN",
                   f"-notifier.url=http://127.0.0.1:{self.page_port or 9}"]
        self.evaluator = Program(command, os.path.join(self.folder, "vmalert.log"), self.cores)


class Tocsin(Server):
    name = "ours"

    def binary(self):
        return os.path.abspath(os.path.join(os.environ.get("TOCSIN_BIN", ".build/release"), "tocsin"))

    def binaries(self):
        return [self.binary()]

    def binary_bytes(self):
        """Without symbols, as Debian's programs are."""
        stripped = os.path.join(os.path.dirname(self.folder), "stripped")
        subprocess.run(["strip", "-o", stripped, self.binary()], check=True)
        return os.path.getsize(stripped)

    def prepare(self):
        self.config = write_tocsin_config(self.folder, self.port, self.rules, self.page_port, self.interval)

    def command(self):
        return [self.binary(), "serve", "--config", self.config]


def write_tocsin_config(folder, port, rules, page_port, interval, data=None, page_format="tocsin"):
    """Settings and on-call rules that send every page to one webhook on loopback."""
    write(folder, "secret", SECRET)
    priorities = "".join(
        f"  {name}: {{respond_within: 15m, escalation: default, hours: always}}\n" for name in ("P1", "P2", "P3", "P4"))
    on_call = write(folder, "on-call.yaml", f"""
receivers:
  - {{name: hook, webhook: {{url: "http://127.0.0.1:{page_port or 9}/", secret_file: {folder}/secret, format: {page_format}}}}}
people: [{{name: first, time_zone: UTC, contact: [hook]}}]
schedules: [{{name: primary, time_zone: UTC, rotation: weekly, handoff: "Mon 09:00", members: [first]}}]
escalation: [{{name: default, steps: [{{notify: schedule/primary}}]}}]
priorities:
{priorities}""")
    return write(folder, "tocsin.yaml", f"""
server: {{listen: "127.0.0.1:{port}"}}
rules: [{rules}]
store: {{path: "{data or folder + '/data'}", max_series: 3000000, max_memory: 16GiB, retention: 7h}}
evaluation: {{interval: {interval}s, grace_after_start: 0s}}
incidents: {{file: {on_call}}}
""")


ALL = {"prometheus": Prometheus, "victoria": VictoriaMetrics, "ours": Tocsin}
