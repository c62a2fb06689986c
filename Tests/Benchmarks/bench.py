#!/usr/bin/env python3
"""Measures Tocsin side by side with Debian's Prometheus and VictoriaMetrics: one run, one load, one machine.

  bench.py [--quick] [--repetitions N] [--servers LIST] [--out FILE] [PART...]      all parts without an argument
  bench.py --report FILE                                                           the table of an earlier run

The clients run on the last core. `ingest` keeps the servers on the first; elsewhere they may use every core.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import measure
import report
import rule_parts
import servers
import store_parts

PARTS = ["limits", "size", "ingest", "memory", "restart", "query", "rules", "page", "logs"]


class Context:
    """What the parts share: settings, the record, and a scratch folder."""

    def __init__(self, options, scratch):
        self.is_quick, self.scratch, self.quiet = options.quick, scratch, options.quiet
        self.repetitions = options.repetitions or (1 if options.quick else 3)
        self.scale, self.tools = options.scale, options.tools
        self.servers = [servers.ALL[name] for name in options.servers.split(",")]
        self.recorder = measure.Recorder(options.out)
        self.notes, self.count = [], 0

    def choose(self, quick, full):
        return quick if self.is_quick else full

    def size(self, series):
        """Series of a part; fewer with --scale, whose rows say so by their other numbers."""
        return max(2000, int(series * self.scale))

    def tool(self, name):
        return os.path.join(self.tools, name)

    def number(self):
        self.count += 1
        return self.count

    def note(self, text):
        self.notes.append(text)
        print("    note: " + text, flush=True)


def versions():
    """The packages that are compared with, as Debian numbers them."""
    done = subprocess.run(["dpkg-query", "-W", "prometheus", "victoria-metrics"], capture_output=True, text=True)
    return ", ".join(line.replace("\t", " ") for line in done.stdout.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="about 5 minutes instead of about 45")
    parser.add_argument("--repetitions", type=int, help="3, or 1 with --quick")
    parser.add_argument("--servers", default="prometheus,victoria,ours", help="which of them, with commas between")
    parser.add_argument("--out", default=".build/bench/results.jsonl", help="values are written here, a line each")
    parser.add_argument("--tools", default=".build/bench", help="folder of the load programs")
    parser.add_argument("--quiet", type=float, default=15, help="seconds to wait for a quiet machine before each start")
    parser.add_argument("--scale", type=float, default=1, help="share of the series, to try the benchmark itself")
    parser.add_argument("--report", metavar="FILE", help="print the table of an earlier run")
    options = parser.parse_args()
    if options.report:
        print("\n".join(report.table(report.read(options.report))))
        return
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]}; use {', '.join(PARTS)}")
    missing = [name for name in options.servers.split(",") if name not in servers.ALL]
    if missing:
        parser.error(f"unknown server {missing[0]}; use {', '.join(servers.ALL)}")
    chosen = options.parts or PARTS
    os.sched_setaffinity(0, {measure.CLIENT_CORE})
    os.makedirs(options.tools, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="scratch-", dir=os.path.abspath(options.tools))
    began = time.monotonic()
    try:
        context = Context(options, scratch)
        print(measure.machine())
        print(versions())
        for part in PARTS:
            if part not in chosen or (part == "rules" and "query" in chosen):
                continue
            print(f"\n{part}", flush=True)
            if part in ("query", "rules"):
                # One load serves both.
                rule_parts.queries_and_rules(context, "query" in chosen, "rules" in chosen)
            elif part == "page":
                rule_parts.page(context)
            else:
                getattr(store_parts, part)(context)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print()
    print(measure.machine())
    print("\n".join(report.table(context.recorder.rows)))
    if options.scale != 1:
        context.notes.append(f"series were {options.scale} of what the rows say")
    for line in context.notes + report.answers(context.recorder.rows):
        print("note: " + line)
    print(f"{time.monotonic() - began:.0f} s; values in {options.out}; the table again: "
          f"python3 {sys.argv[0]} --report {options.out}")


main()
