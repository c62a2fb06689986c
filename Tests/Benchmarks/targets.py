"""What is measured, what it must be, and what the peers were measured at before (2 cores, Debian 12)."""
from dataclasses import dataclass


@dataclass
class Metric:
    key: str
    title: str
    unit: str
    must: float = None
    moonshot: float = None
    prometheus: str = "-"  # as measured before
    victoria: str = "-"
    more_is_better: bool = False


def memory_key(series, samples):
    return f"memory.{series}x{samples}"


def _memory(series, samples, *rest):
    label = f"{series // 1000}k" if series < 1_000_000 else f"{series // 1_000_000}M"
    return Metric(memory_key(series, samples), f"memory per series, {label} x {samples}", "B", *rest)


METRICS = [
    Metric("ingest.rate", "remote write, known series, server on one core", "/s", 2.2e6, 4.5e6, "128k", "727k", True),
    Metric("ingest.known", "the same, CPU-s per million samples", "s", 0.40, 0.20, "7.8", "1.31"),
    Metric("ingest.first", "first sample of a series, CPU-s per million", "s", 3, 1.5, "12.1", "26"),
    _memory(100_000, 10), _memory(100_000, 40), _memory(100_000, 120, 1100, 600, "5467", "2157"),
    _memory(500_000, 10), _memory(500_000, 40, 550, 400, "4258", "711"), _memory(500_000, 120),
    _memory(1_000_000, 10, 500, 250, "3783", "527"), _memory(1_000_000, 40), _memory(1_000_000, 120),
    Metric("rules.1000", "CPU-s per cycle, 1,000 rules on 100k series", "s"),
    Metric("rules.10000", "CPU-s per cycle, 10,000 rules on 100k series", "s", 0.30, 0.06, "6.3", "10.1"),
    Metric("query.service", "instant query of one service, p50", "ms", 0.15, 0.08, "0.3-0.8", "0.24-0.58"),
    Metric("query.wide", "instant query over many series, p50", "ms"),
    Metric("query.aggregate", "aggregate over 35,000 series, p50", "ms", 15, 5, "517", "285"),
    Metric("query.range.1", "range query: one service, 10 min at 15 s", "ms"),
    Metric("query.range.2", "range query: objective, 5 h at 1 min", "ms"),
    Metric("query.range.3", "range query: 10,000 series, 10 min at 15 s", "ms"),
    Metric("restart.answer", "kill -9 to first complete answer, 500k x 40", "s", 0.5, 0.2, "14.6", "0.65"),
    Metric("restart.quick", "kill -9 to first complete answer, 100k x 40", "s"),
    Metric("restart.series", "series there after it", "share", more_is_better=True),
    Metric("restart.samples", "samples there after it", "share", more_is_better=True),
    Metric("restart.disk", "bytes on disk per sample", "B"),
    Metric("page.known", "sample to page, known series, 1 s interval", "ms", None, None, "404", "1405"),
    Metric("page.new", "sample to page, new series, 1 s interval", "ms", None, None, "728", "8466"),
    Metric("page.known.eager", "the same, known series, eager group", "ms", 50, 5, "404", "1405"),
    Metric("page.new.eager", "the same, new series, eager group", "ms", 50, 5, "728", "8466"),
    Metric("logs.bulk", "_bulk, documents per CPU second, 760 B each", "/s", 600e3, 1.2e6, more_is_better=True),
    Metric("logs.bulk.bytes", "the same, bytes per CPU second", "MB/s", 150, None, more_is_better=True),
    Metric("logs.bulk.share", "the same, of what a plain C parse does", "share", more_is_better=True),
    Metric("logs.memory", "memory per log record in the rings", "B"),
    Metric("size.binary", "size of the program, without symbols", "MB", 30, None, "100+", "-"),
    Metric("size.start", "resident at start", "MB", 30, None, "43", "22"),
    Metric("size.ready", "start to ready", "s", 0.2, None, "-", "-"),
]
# Peers have no eager groups: theirs is the same interval, as fast as they can.
PEERS_OF = {"page.known.eager": "page.known", "page.new.eager": "page.new"}
