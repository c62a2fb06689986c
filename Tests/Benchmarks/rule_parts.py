"""Rules, queries and pages: what an evaluator does."""
import http.client
import http.server
import json
import random
import struct
import threading
import time

import measure
import rules
import servers
from measure import Span
from store_parts import Load, post, run

# Samples reach this far past now, so that all of them are fresh until the last measurement.
AHEAD_SECONDS = 480


def filled(context, make, page_port=None):
    """A server with 100,000 series, and 2,000 series of objectives with six hours of history."""
    end = int(time.time() * 1000) + AHEAD_SECONDS * 1000
    server = make(context.scratch, page_port=page_port, quiet=context.quiet)
    objective_step = context.choose(60, 15)
    steps = (6 * 3600 + AHEAD_SECONDS) // objective_step
    with Load(context, "objective", series=2000, steps=steps, step_ms=objective_step * 1000, end_ms=end) as load:
        post(context, server, load)
    with Load(context, series=context.size(100_000), steps=context.choose(56, 80), end_ms=end) as load:
        post(context, server, load)
    time.sleep(4)
    return server


def ask(context, server, path, times):
    """Asks on the client's core; gives latencies and the result's series."""
    with Span(server) as span:
        told, _, body = run([context.tool("probe"), path, "--port", str(server.port), "--times", str(times),
                             "--core", str(measure.CLIENT_CORE)]).partition("\n")
    told = json.loads(told)
    if told["status"] != 200:
        raise RuntimeError(f"{server.name}: {path}: {told['status']} {body[:300]}")
    return told, len(json.loads(body)["data"]["result"]), span


def query(context, server):
    many, few = context.choose(50, 200), context.choose(5, 15)
    for key, texts, times in (("query.service", rules.ONE_SERVICE, many), ("query.wide", rules.WIDE, few),
                              ("query.aggregate", [rules.AGGREGATE], few)):
        for text in texts:
            told, series, span = ask(context, server, server.query_path(text), times)
            context.recorder.add(key, server, told["p50_ms"], span, query=text, p95_ms=told["p95_ms"],
                                 min_ms=told["min_ms"], series=series)
    end = int(time.time())
    for number, (text, seconds, step) in enumerate(rules.RANGES, 1):
        told, series, span = ask(context, server, server.range_path(text, end - seconds, end, step), few)
        context.recorder.add(f"query.range.{number}", server, told["p50_ms"], span, query=f"{text} over {seconds} s",
                             p95_ms=told["p95_ms"], min_ms=told["min_ms"], series=series)


def evaluate(context, server):
    # Rules, seconds between evaluations, cycles measured.
    plans = context.choose([(1000, 5, 2), (10_000, 15, 1)], [(1000, 10, 4), (10_000, 30, 3)])
    for count, interval, cycles in plans:
        server.interval = interval
        with Span(server) as idle:
            time.sleep(3)
        server.use_rules(rules.rule_file(count, interval))
        time.sleep(interval + 3)
        for _ in range(cycles):
            with Span(server) as span:
                time.sleep(interval)
            context.recorder.add(f"rules.{count}", server, span.server_cpu * interval / span.seconds, span,
                                 idle_cpu_per_s=round(idle.server_cpu / idle.seconds, 4), interval_s=interval,
                                 resident=server.memory()["VmRSS"])
        if server.name != "victoria":
            firing = server.number('count(ALERTS{alertstate="firing"})')
            context.recorder.add(f"rules.firing.{count}", server, firing)
        server.use_rules(servers.NO_RULES)
        time.sleep(2)


def queries_and_rules(context, with_queries, with_rules):
    for make in context.servers:
        hook = Hook()
        server = filled(context, make, hook.port)
        try:
            if with_queries:
                query(context, server)
            if with_rules:
                evaluate(context, server)
        finally:
            server.stop()
            hook.stop()


class Hook:
    """Takes pages, as a webhook or as Alertmanager does, and remembers when a word was first in one."""

    def __init__(self):
        hook = self
        self.arrived, self.wanted, self.changed = {}, set(), threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                moment = time.monotonic()
                with hook.changed:
                    for word in [word for word in hook.wanted if word.encode() in body]:
                        hook.arrived.setdefault(word, moment)
                        hook.wanted.discard(word)
                    hook.changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, word, seconds_max):
        """When a page with `word` came, or nothing."""
        with self.changed:
            self.changed.wait_for(lambda: word in self.arrived, seconds_max)
            return self.arrived.get(word)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(tag, payload):
    return bytes([tag]) + varint(len(payload)) + payload


def one_sample(labels, value, milliseconds):
    """A write request with one sample, as one literal of snappy's block format."""
    series = b"".join(field(0x0A, field(0x0A, name.encode()) + field(0x12, text.encode()))
                      for name, text in sorted(labels.items()))
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds)
    message = field(0x0A, series + field(0x12, sample))
    assert 60 < len(message) <= 256, "a literal of this length has another head"
    return varint(len(message)) + bytes([0xF0, len(message) - 1]) + message


HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
           "X-Prometheus-Remote-Write-Version": "0.1.0"}


def send(server, probe, value):
    """Writes one sample; gives when it was accepted."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    labels = {"__name__": "bench_probe", "probe": probe, "job": "bench", "instance": "127.0.0.1:1"}
    connection.request("POST", "/api/v1/write", one_sample(labels, value, int(time.time() * 1000)), HEADERS)
    answer = connection.getresponse()
    answer.read()
    moment = time.monotonic()
    connection.close()
    if answer.status // 100 != 2:
        raise RuntimeError(f"{server.name}: write refused: {answer.status}")
    return moment


def page(context):
    """Accepted sample to page received: a known series that crosses the threshold, and one that begins above it."""
    for make in context.servers:
        for is_eager in (False, True) if make is servers.Tocsin else (False,):
            page_run(context, make, is_eager)


def page_run(context, make, is_eager):
    trials, seeded = context.choose(5, 20), random.Random(1)
    hook = Hook()
    server = make(context.scratch, page_port=hook.port, interval=1, quiet=context.quiet)
    suffix = ".eager" if is_eager else ""
    try:
        eager = "  eager: true\n" if is_eager else ""
        server.use_rules(f"groups:\n- name: bench\n  interval: 1s\n{eager}  rules:\n"
                         "  - {alert: Probe, expr: bench_probe > 1, labels: {severity: critical}}\n")
        for trial in range(trials):
            send(server, f"known-{trial:04d}-x", 0.0)
        # Until the rules are loaded and the known series can be queried everywhere.
        time.sleep(12)
        for kind in ("known", "new"):
            for trial in range(trials):
                time.sleep(0.5 + seeded.random())
                word = f"{kind}-{trial:04d}-x"
                hook.wanted.add(word)
                with Span(server) as span:
                    accepted = send(server, word, 2.0)
                    arrived = hook.wait_for(word, 30)
                if arrived is None:
                    context.note(f"{server.name}: no page within 30 s for {word}")
                value = (arrived - accepted) * 1e3 if arrived else None
                context.recorder.add(f"page.{kind}{suffix}", server, value, span)
    finally:
        server.stop()
        hook.stop()
