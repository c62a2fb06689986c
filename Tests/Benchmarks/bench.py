#!/usr/bin/env python3
"""Measures Tocsin side by side with Prometheus in one run, on loopback.

The server runs on one core and the load generator on another, so that neither takes the other's time.
CPU is what the kernel has charged to the server's process; bodies are made before the clock starts.

  bench.py [ingest] [memory] [evaluation] [latency]     all of them without an argument
"""
import http.client
import http.server
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import cramjam

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, CLIENT_CORE = 0, (os.cpu_count() or 1) - 1
SERIES_PER_REQUEST = 2000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """One server process with an empty folder of its own."""

    def __init__(self, name, command, port, folder, ready="/-/ready"):
        self.name, self.port, self.folder = name, port, folder
        self.log = open(os.path.join(folder, "server.log"), "wb")
        started = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command], stdout=self.log, stderr=self.log, cwd=folder)
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{name} did not start; see {self.log.name}")
            try:
                if self.request("GET", ready)[0] == 200:
                    break
            except OSError:
                pass
            if time.monotonic() - started > 60:
                raise SystemExit(f"{name} is not ready after 60 s; see {self.log.name}")
            time.sleep(0.005)
        self.start_seconds = time.monotonic() - started

    def request(self, method, path, body=None, headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def tocsin(rules="groups: []\n", hook=None, interval="1s"):
    folder = tempfile.mkdtemp(prefix="tocsin-bench-")
    port = free_port()
    write(folder, "rules.yaml", rules)
    write(folder, "secret", "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
    write(folder, "oncall.yaml", f"""
receivers:
  - {{name: hook, webhook: {{url: "http://127.0.0.1:{hook or 9}/", secret_file: {folder}/secret, format: tocsin}}}}
people: [{{name: first, time_zone: UTC, contact: [hook]}}]
schedules: [{{name: primary, time_zone: UTC, rotation: weekly, handoff: "Mon 09:00", members: [first]}}]
escalation: [{{name: default, steps: [{{notify: schedule/primary}}]}}]
priorities:
  P1: {{respond_within: 15m, escalation: default, hours: always}}
  P2: {{respond_within: 30m, escalation: default, hours: always}}
  P3: {{respond_within: 4h, escalation: default, hours: always}}
  P4: {{respond_within: 4h, escalation: default, hours: always}}
""")
    write(folder, "tocsin.yaml", f"""
server: {{listen: "127.0.0.1:{port}"}}
rules: [{folder}/rules.yaml]
store: {{path: {folder}/data, max_series: 2000000, max_memory: 8GiB}}
evaluation: {{interval: {interval}, grace_after_start: 0s}}
incidents: {{file: {folder}/oncall.yaml}}
""")
    binary = os.path.join(os.environ.get("TOCSIN_BIN", ".build/release"), "tocsin")
    return Server("tocsin", [os.path.abspath(binary), "serve", "--config", f"{folder}/tocsin.yaml"], port, folder)


def prometheus(rules="groups: []\n", interval="1s"):
    folder = tempfile.mkdtemp(prefix="prometheus-bench-")
    port = free_port()
    write(folder, "rules.yaml", rules)
    write(folder, "prometheus.yml", f"global: {{evaluation_interval: {interval}}}\nrule_files: [{folder}/rules.yaml]\n")
    return Server("prometheus", [
        "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=warn",
    ], port, folder)


def peers():
    return [tocsin] + ([prometheus] if shutil.which("prometheus") else [])


def write(folder, name, text):
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def label_bytes(index):
    labels = {
        "__name__": f"bench_metric_{index % 50}", "cluster": "production", "container": "api",
        "instance": f"10.0.{index // 250 % 250}.{index % 250}:9100", "job": "bench", "namespace": f"team-{index % 20}",
        "pod": f"api-{index // 50:06d}-abcde", "region": "eu-west-1", "service": f"service-{index // 50 % 50}",
    }
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(labels.items()))


class Load:
    """Remote write 1.0 bodies for a fixed set of series; odd series are gauges, even ones counters."""

    def __init__(self, series):
        self.labels = [label_bytes(index) for index in range(series)]

    def bodies(self, times):
        """One set of bodies; each series gets a sample at every time (milliseconds)."""
        stamps = [b"\x10" + varint(time) for time in times]
        for first in range(0, len(self.labels), SERIES_PER_REQUEST):
            message = bytearray()
            for index in range(first, min(first + SERIES_PER_REQUEST, len(self.labels))):
                body = bytearray(self.labels[index])
                for position, stamp in enumerate(stamps):
                    second = times[position] // 1000
                    value = second * (1 + index % 7) if index % 2 == 0 else (second * 37 + index) % 1000 / 10
                    body += field(2, b"\x09" + struct.pack("<d", value) + stamp)
                message += field(1, bytes(body))
            yield bytes(cramjam.snappy.compress_raw(bytes(message)))


HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
           "X-Prometheus-Remote-Write-Version": "0.1.0"}


def post_all(server, bodies):
    """Posts every body over one connection; returns seconds and refused bodies."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    refused = 0
    started = time.monotonic()
    for body in bodies:
        while True:
            connection.request("POST", "/api/v1/write", body, HEADERS)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 503:
                break
            time.sleep(0.01)
        if reply.status not in (200, 204):
            refused += 1
            if refused == 1:
                print(f"  {server.name} refused a body: {reply.status} {text[:200]}", file=sys.stderr)
    return time.monotonic() - started, refused


def ingest():
    series, rounds = 100_000, 20
    load = Load(series)
    now = int(time.time()) * 1000 - rounds * 1000
    first = list(load.bodies([now]))
    rest = [body for step in range(1, rounds) for body in load.bodies([now + step * 1000])]
    rows = []
    for make in peers():
        server = make()
        cpu = server.cpu()
        post_all(server, first)
        new_cpu = server.cpu() - cpu
        cpu = server.cpu()
        seconds, refused = post_all(server, rest)
        cpu = server.cpu() - cpu
        samples = series * (rounds - 1)
        rows.append({
            "server": server.name, "samples_per_s": round(samples / seconds),
            "cpu_s_per_million": cpu / samples * 1e6, "new_series_cpu_s_per_million": new_cpu / series * 1e6,
            "refused_bodies": refused})
        server.stop()
    return f"remote write, {series:,} known series, {rounds - 1} rounds of one sample", rows


def memory():
    series, samples = 100_000, 120
    load = Load(series)
    start = int(time.time()) * 1000 - samples * 15_000
    rows = []
    for make in peers():
        server = make()
        before = server.rss()
        for step in range(0, samples, 20):
            post_all(server, load.bodies([start + (step + i) * 15_000 for i in range(20)]))
        after = server.rss()
        rows.append({"server": server.name, "rss_at_start_mb": before / 2**20,
                     "bytes_per_series": (after - before) / series, "start_ms": server.start_seconds * 1000})
        server.stop()
    return f"memory, {series:,} series x {samples} samples", rows


def evaluation():
    services, cycles = 50, 20
    templates = [
        'sum by (service) (rate(bench_metric_{m}{{service="service-{s}"}}[5m])) > 1e12',
        'avg by (service) (avg_over_time(bench_metric_{m}{{service="service-{s}"}}[5m])) > 1e12',
        'max by (service) (bench_metric_{m}{{service="service-{s}"}}) > 1e12',
        'sum by (namespace) (rate(bench_metric_{m}{{service="service-{s}"}}[1m]))'
        ' / sum by (namespace) (rate(bench_metric_{n}{{service="service-{s}"}}[1m])) > 1e12',
    ]
    rules = "groups:\n"
    count = 0
    for service in range(services):
        rules += f"  - name: group-{service}\n    interval: 1s\n    rules:\n"
        for metric in range(0, 20, 2):
            for template in templates:
                expr = template.format(m=metric + 1 if "avg" in template else metric, n=metric + 2, s=service)
                rules += f"      - alert: Rule{count}\n        expr: {json.dumps(expr)}\n"
                count += 1
    series = 100_000
    load = Load(series)
    rows = []
    for make in peers():
        server = make(rules=rules)
        now = int(time.time()) * 1000
        post_all(server, load.bodies([now - 300_000 + step * 15_000 for step in range(21)]))
        time.sleep(3)
        cpu, started = server.cpu(), time.monotonic()
        time.sleep(cycles)
        cpu, seconds = server.cpu() - cpu, time.monotonic() - started
        rows.append({"server": server.name, "cpu_s_per_cycle": cpu / seconds, "rules": count})
        server.stop()
    return f"evaluation, {count:,} rules over {series:,} series, 1 s interval", rows


def latency():
    rows = [probe_latency(eager) for eager in (False, True)]
    return "page latency, sample accepted to webhook received, 1 s interval, a new series each time", rows


def probe_latency(eager):
    rules = (f"groups:\n  - name: latency\n    interval: 1s\n    eager: {str(eager).lower()}\n    thresholds:\n"
             "      - alert: Probe\n        expr: bench_probe\n        unit: count\n        crit: '> 1'\n")
    arrived = {}

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            moment = time.monotonic()
            for probe in list(waiting):
                if probe.encode() in body:
                    arrived.setdefault(probe, moment)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    waiting = set()
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    server = tocsin(rules=rules, hook=hook.server_address[1])
    times = []
    for number in range(20):
        probe = f"probe-{number:04d}-x"
        waiting.add(probe)
        labels = {"__name__": "bench_probe", "probe": probe}
        series = b"".join(field(1, field(1, n.encode()) + field(2, v.encode())) for n, v in sorted(labels.items()))
        stamp = int(time.time() * 1000)
        sample = field(2, b"\x09" + struct.pack("<d", 5) + b"\x10" + varint(stamp))
        post_all(server, [bytes(cramjam.snappy.compress_raw(field(1, series + sample)))])
        sent = time.monotonic()
        while probe not in arrived and time.monotonic() - sent < 10:
            time.sleep(0.0005)
        if probe in arrived:
            times.append((arrived[probe] - sent) * 1000)
        time.sleep(0.637 + number * 0.05)
    server.stop()
    hook.shutdown()
    times.sort()
    return {"server": "eager group" if eager else "by slots", "p50_ms": statistics.median(times) if times else None,
            "max_ms": times[-1] if times else None, "pages": len(times), "probes": 20}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    kilobytes = int(open("/proc/meminfo").readline().split()[1])
    return (f"{model}, {os.cpu_count()} cores, {kilobytes / 2**20:.0f} GiB, Linux {platform.release()}; "
            f"server on core {SERVER_CORE}, client on core {CLIENT_CORE}; load {os.getloadavg()[0]:.2f}")


def show(title, rows):
    print(f"\n{title}")
    for row in rows:
        parts = [f"{key} {value:,.3f}" if isinstance(value, float) else f"{key} {value:,}" if isinstance(value, int)
                 else f"{key} {value}" for key, value in row.items() if key != "server"]
        print(f"  {row['server']:<11} " + "   ".join(parts))
    if len(rows) == 2 and rows[1]["server"] == "prometheus":
        ratios = [f"{key} {rows[1][key] / rows[0][key]:.2g}x" for key in rows[0]
                  if isinstance(rows[0][key], (int, float)) and key not in ("refused_bodies", "rules")
                  and rows[0][key] and rows[1].get(key)]
        print(f"  {rows[1]['server']} / {rows[0]['server']}: " + "   ".join(ratios))


def main():
    parts = {"ingest": ingest, "memory": memory, "evaluation": evaluation, "latency": latency}
    chosen = sys.argv[1:] or list(parts)
    unknown = [name for name in chosen if name not in parts]
    if unknown:
        raise SystemExit(f"unknown part {unknown[0]}; use {', '.join(parts)}")
    os.sched_setaffinity(0, {CLIENT_CORE})
    print(machine())
    for name in chosen:
        show(*parts[name]())


main()
