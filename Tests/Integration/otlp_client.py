"""Sends log lines with OpenTelemetry's own SDK and exporter; run with its packages' folder on PYTHONPATH.

    otlp_client.py URL FILE RUN CHUNK

FILE holds a line a record. A batch that was not acknowledged is exported again, as a collector does; after each that
was, the number of records so far is printed.
"""

import logging
import sys
import time

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler, LogRecordProcessor
from opentelemetry.sdk.resources import Resource


class Collected(LogRecordProcessor):
    """Keeps what the SDK makes of the lines, until the exporter takes it."""

    def __init__(self):
        self.records = []

    def on_emit(self, log_record):
        self.records.append(log_record)

    def shutdown(self):
        pass

    def force_flush(self, timeout_millis=0):
        return True


def main(url, path, run, chunk_size):
    collected = Collected()
    provider = LoggerProvider(resource=Resource.create({"service.name": "web", "run": run}))
    provider.add_log_record_processor(collected)
    logger = logging.getLogger("access")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(LoggingHandler(logger_provider=provider))
    with open(path) as lines:
        for line in lines:
            logger.info("%s", line.rstrip("\n"))
    exporter = OTLPLogExporter(endpoint=f"{url}/v1/logs", compression=Compression.Gzip, timeout=2)
    acknowledged = 0
    for start in range(0, len(collected.records), chunk_size):
        batch = collected.records[start : start + chunk_size]
        end = time.monotonic() + 45
        while exporter.export(batch).name != "SUCCESS":
            if time.monotonic() > end:
                sys.exit("a batch is not acknowledged")
            print("again", flush=True)
        acknowledged += len(batch)
        print(f"acknowledged {acknowledged}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
