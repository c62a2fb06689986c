"""Ingest, memory, restart, limits, size: what the stores do."""
import contextlib
import json
import os
import shutil
import subprocess
import time

import measure
import targets
from measure import Span


def run(arguments, seconds_max=1800):
    """Runs one of the load programs; gives what it printed."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds_max)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: {done.returncode} {done.stderr.strip()}")
    return done.stdout


class Load:
    """A load file; `with` removes it."""

    def __init__(self, context, kind="service", **options):
        self.path = os.path.join(context.scratch, f"{kind}-{context.number()}.load")
        arguments = [word for key, value in options.items() for word in ("--" + key.replace("_", "-"), str(value))]
        self.made = json.loads(run([context.tool("generate"), kind, self.path, *arguments]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.unlink(self.path)


def post(context, server, load, connections=4):
    """Posts a load file; gives the blaster's figures and the span."""
    with Span(server) as span:
        told = json.loads(run([
            context.tool("blast"), load.path, "--port", str(server.port), "--connections", str(connections),
            "--core", str(measure.CLIENT_CORE), "--pid", str(server.program.pid), "--seconds-max", "1700"]))
    if told["refusals"] or told["unfinished"]:
        context.note(f"{server.name}: {told['refusals']} bodies refused, {told['unfinished']} connections unfinished: "
                     f"{told['first_refusal']}")
    return told, span


def limits(context):
    with Load(context, series=100_000, steps=12) as load:
        told = json.loads(run([context.tool("limits"), load.path, context.scratch, "--core", str(measure.SERVER_CORE)]))
    for key, value in told.items():
        context.recorder.add("limits." + key, "machine", value)


def size(context):
    for make in context.servers:
        for _ in range(context.repetitions):
            server = make(context.scratch, quiet=context.quiet)
            try:
                context.recorder.add("size.ready", server, server.ready_seconds)
                time.sleep(2)
                context.recorder.add("size.start", server, server.memory()["VmRSS"] / 1e6)
            finally:
                server.stop()
        context.recorder.add("size.binary", server, server.binary_bytes() / 1e6)


def ingest(context):
    """100,000 series: the first step makes every series, the others are of known ones."""
    series, steps = context.size(100_000), context.choose(8, 19)
    with Load(context, series=series, steps=1, tail=steps) as first, Load(context, series=series, steps=steps, skip=1) as rest:
        for _ in range(context.repetitions):
            for make in context.servers:
                server = make(context.scratch, pinned=True, quiet=context.quiet)
                try:
                    told, span = post(context, server, first)
                    context.recorder.add("ingest.first", server, told["server_cpu_s"] / told["samples"] * 1e6, span)
                    told, span = post(context, server, rest)
                    context.recorder.add("ingest.known", server, told["server_cpu_s"] / told["samples"] * 1e6, span)
                    context.recorder.add("ingest.rate", server, told["samples_per_s"], span, p50_ms=told["p50_ms"],
                                         p99_ms=told["p99_ms"], client_cpu_s=told["client_cpu_s"])
                finally:
                    server.stop()


def memory(context):
    plans = [(100_000, [10, 40])] if context.is_quick else [
        (100_000, [10, 40, 120]), (500_000, [10, 40, 120]), (1_000_000, [10, 40, 120])]
    for series, marks in plans:
        series = context.size(series)
        # What Prometheus was seen to need, half as much again for what it holds while it works; files take 25 bytes a sample.
        wanted = marks
        marks = [mark for mark in wanted if series * (4000 + 20 * mark) * 1.5 < measure.available_memory()
                 and series * mark * 30 < shutil.disk_usage(context.scratch).free]
        if marks != wanted:
            context.note(f"memory of {series} series with {wanted[len(marks):]} samples left out: too little memory or disk")
        for _ in range(context.repetitions if series <= 100_000 and marks else min(1, len(marks))):
            memory_run(context, series, marks)


def memory_run(context, series, marks):
    end = int(time.time() * 1000)
    with contextlib.ExitStack() as stack:
        loads = {}
        before = 0
        for mark in marks:
            loads[mark] = stack.enter_context(Load(
                context, series=series, steps=mark - before, skip=before, tail=marks[-1] - mark, end_ms=end))
            before = mark
        for make in context.servers:
            server = make(context.scratch, quiet=context.quiet)
            try:
                for mark in marks:
                    _, span = post(context, server, loads[mark])
                    time.sleep(5)
                    found = server.memory()
                    context.recorder.add(targets.memory_key(series, mark), server, found["VmRSS"] / series, span,
                                         anonymous=round(found["RssAnon"] / series), peak=round(found["VmHWM"] / series))
            finally:
                server.stop()


def disk_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


def restart(context):
    """Kills the server and asks, from its start on, until every series answers; then counts samples."""
    series, steps = (context.size(100_000), 40) if context.is_quick else (context.size(500_000), 40)
    key = "restart.quick" if series < 500_000 else "restart.answer"
    pods = series // 20
    with Load(context, series=series, steps=steps) as load:
        for make in context.servers:
            server = make(context.scratch, quiet=context.quiet)
            try:
                post(context, server, load)
                # VictoriaMetrics writes what is in memory every 5 seconds; all get the same time.
                time.sleep(12)
                for _ in range(context.repetitions):
                    server.kill_and_restart()
                    # The same request until it is whole: what a dashboard would see.
                    answered = 0
                    while answered < pods and time.monotonic() - server.began < 90:
                        answered = server.number("count(last_over_time(up[2h]))")
                        if answered < pods:
                            time.sleep(0.005)
                    seconds = time.monotonic() - server.began if answered >= pods else None
                    context.recorder.add(key, server, seconds, ready_s=server.ready_seconds, cpu_s=server.cpu())
                    samples = server.number("sum(count_over_time(up[2h]))")
                    context.recorder.add("restart.series", server, answered / pods)
                    context.recorder.add("restart.samples", server, samples / (pods * steps))
                    context.recorder.add("restart.disk", server, disk_bytes(os.path.join(server.folder, "data"))
                                         / (series * steps))
                    if answered < pods or samples < pods * steps:
                        context.note(f"{server.name}: {answered:.0f} of {pods} series and {samples:.0f} of {pods * steps} "
                                     "samples are there after kill -9")
            finally:
                server.stop()


LOG_RULES = """
log_metrics:
  - {name: requests_total, from: {kubernetes.container_name: nginx}, labels: [status, method]}
  - {name: request_seconds, from: {kubernetes.container_name: nginx}, type: histogram, value: duration, buckets: [0.1, 0.5]}
"""


def own(server, name):
    """A value of Tocsin's own metrics, the first of its name; None when there is none."""
    for line in server.get("/metrics")[1].decode().splitlines():
        if line.startswith(name) and line[len(name)] in "{ ":
            return float(line.rsplit(" ", 1)[1])
    return None


def logs(context):
    """Access log lines over `_bulk`, counted and kept, beside a plain C parse of the same bytes."""
    path = os.path.join(context.scratch, "logs.load")
    documents = context.size(context.choose(100_000, 400_000))
    made = json.loads(run([context.tool("logs"), "generate", path, "--documents", str(documents)]))
    ours = [make for make in context.servers if make.name == "ours"]
    for _ in range(context.repetitions):
        limit = json.loads(run([context.tool("logs"), "limit", path, "--core", str(measure.SERVER_CORE)]))
        context.recorder.add("logs.bulk", "plain C", limit["documents_per_s"])
        context.recorder.add("logs.bulk.bytes", "plain C", limit["mb_per_s"])
        for make in ours:
            server = make(context.scratch, pinned=True, quiet=context.quiet)
            try:
                server.use_rules(LOG_RULES)
                end = time.monotonic() + 30
                while own(server, "tocsin_log_metric_series") is None and time.monotonic() < end:
                    time.sleep(0.05)
                with Span(server) as span:
                    told = json.loads(run([
                        context.tool("blast"), path, "--port", str(server.port), "--bulk", "1", "--connections", "4",
                        "--core", str(measure.CLIENT_CORE), "--pid", str(server.program.pid), "--seconds-max", "600"]))
                counted = server.number("sum(requests_total)")
                if counted != documents or told["refusals"]:
                    context.note(f"{counted:.0f} of {documents} documents counted, {told['refusals']} requests refused: "
                                 f"{told['first_refusal']}")
                rate = documents / told["server_cpu_s"]
                context.recorder.add("logs.bulk", server, rate, span, per_second=told["samples_per_s"], p50_ms=told["p50_ms"])
                context.recorder.add("logs.bulk.bytes", server, made["bytes"] / told["server_cpu_s"] / 1e6, span)
                context.recorder.add("logs.bulk.share", server, rate / limit["documents_per_s"], span)
                held = own(server, "tocsin_log_store_memory_bytes") / own(server, "tocsin_log_store_records")
                context.recorder.add("logs.memory", server, held, span)
            finally:
                server.stop()
