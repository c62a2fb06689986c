"""OTLP metrics from OpenTelemetry's own SDK and exporter, and requests made of its own protobuf messages."""

import gzip
import json
import time

import pytest
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from harness import Tocsin

RESOURCE = Resource.create(
    {
        "service.name": "cart",
        "service.namespace": "shop",
        "service.instance.id": "i-1",
        "k8s.cluster.name": "c1",
        "host.name": "h1",
    }
)
JOB = {"job": "shop/cart", "instance": "i-1"}


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory):
    limits = {"promote_resource_attributes": ["k8s.cluster.name"], "max_delta_series": 500, "max_decoded": "1MiB"}
    settings = {"sources": {"http_ingest": limits}}
    tocsin = Tocsin(tmp_path_factory.mktemp("otlp"), settings=settings).start()
    yield tocsin
    tocsin.stop()


def provider(tocsin, path, temporality=None, views=()):
    """A meter provider whose `force_flush` exports at once; nothing is exported by itself."""
    exporter = OTLPMetricExporter(endpoint=f"{tocsin.url}{path}", preferred_temporality=temporality)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    return MeterProvider(metric_readers=[reader], resource=RESOURCE, views=views)


def only(tocsin, expression):
    (series,) = tocsin.query(expression)
    labels = {name: value for name, value in series["metric"].items() if name not in ("__name__", "otel_scope_name")}
    return labels, float(series["value"][1])


@pytest.mark.parametrize("path", ["/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"])
def test_the_sdk_sends_to_every_path(tocsin, path):
    name = "sdk." + path.strip("/").replace("/", ".")
    metered = provider(tocsin, path)
    meter = metered.get_meter("test")
    meter.create_counter(name, unit="By").add(7, {"http.method": "GET"})
    meter.create_up_down_counter(name + ".queue", unit="{items}").add(-3)
    meter.create_gauge(name + ".use", unit="1").set(0.5)
    meter.create_histogram(name + ".took", unit="ms", explicit_bucket_boundaries_advisory=[1, 10]).record(5)
    assert metered.force_flush()
    plain = name.replace(".", "_")
    labels = {**JOB, "k8s_cluster_name": "c1"}
    assert only(tocsin, f"{plain}_bytes_total") == ({**labels, "http_method": "GET"}, 7)
    assert only(tocsin, f"{plain}_queue") == (labels, -3)
    assert only(tocsin, f"{plain}_use_ratio") == (labels, 0.5)
    assert only(tocsin, f"{plain}_took_milliseconds_sum") == (labels, 5)
    buckets = {one["metric"]["le"]: one["value"][1] for one in tocsin.query(f"{plain}_took_milliseconds_bucket")}
    assert buckets == {"1": "0", "10": "1", "+Inf": "1"}
    info, value = only(tocsin, "target_info")
    assert value == 1 and info.items() >= {**JOB, "host_name": "h1", "k8s_cluster_name": "c1"}.items()
    assert tocsin.get(f"/api/v1/metadata?metric={plain}_bytes_total").json()["data"][f"{plain}_bytes_total"][0]["type"] == "counter"


def test_delta_points_become_a_counter(tocsin):
    temporality = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
    metered = provider(tocsin, "/v1/metrics", temporality)
    counter = metered.get_meter("test").create_counter("delta.hits")
    histogram = metered.get_meter("test").create_histogram("delta.took", explicit_bucket_boundaries_advisory=[1])
    for amount in (3, 4, 5):
        counter.add(amount)
        histogram.record(0.5)
        assert metered.force_flush()
    assert only(tocsin, "delta_hits_total")[1] == 12
    assert only(tocsin, "delta_took_count")[1] == 3
    assert only(tocsin, 'delta_took_bucket{le="1"}')[1] == 3


def test_the_sdk_is_told_what_is_not_stored(tocsin):
    views = [View(instrument_name="exp.took", aggregation=ExponentialBucketHistogramAggregation())]
    metered = provider(tocsin, "/v1/metrics", views=views)
    metered.get_meter("test").create_histogram("exp.took").record(5)
    assert metered.force_flush()
    source = tocsin.sources()["otlp"]
    assert source["refused"]["unsupported"] >= 1
    assert "exponential histogram" in source["last_error"]


def message(points=1, start=0, temporality=2):
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "raw"
    metric = resource.scope_metrics.add().metrics.add(name="raw.count", unit="1")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = temporality
    for index in range(points):
        point = metric.sum.data_points.add(time_unix_nano=int(time.time() * 1000) * 1_000_000, as_int=index)
        point.attributes.add(key="n").value.string_value = str(start + index)
    return request


def test_protobuf_and_json_are_the_same(tocsin):
    request = message(3)
    packed = gzip.compress(request.SerializeToString())
    answer = tocsin.post(
        "/v1/metrics", packed, {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    )
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-protobuf"
    assert ExportMetricsServiceResponse.FromString(answer.body).partial_success.rejected_data_points == 0

    def found():
        return {one["metric"]["n"]: one["value"][1] for one in tocsin.query("raw_count_total")}

    first = found()
    assert first == {"0": "0", "1": "1", "2": "2"}
    answer = tocsin.post(
        "/v1/metrics", json_format.MessageToJson(request).encode(), {"Content-Type": "application/json"}
    )
    assert answer.status == 200 and answer.json() == {"partialSuccess": {}}
    assert found() == first
    assert tocsin.metric("tocsin_source_duplicates_total", source="otlp") >= 3


def test_points_over_the_delta_limit_are_rejected(tocsin):
    request = message(600, start=1000, temporality=1)
    answer = tocsin.post("/v1/metrics", request.SerializeToString(), {"Content-Type": "application/x-protobuf"})
    partial = ExportMetricsServiceResponse.FromString(answer.body).partial_success
    assert answer.status == 200 and 100 <= partial.rejected_data_points < 600
    assert "max_delta_series" in partial.error_message


@pytest.mark.parametrize(
    "body, headers, status",
    [
        (b"\xff\xff", {"Content-Type": "application/x-protobuf"}, 400),
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"x", {"Content-Type": "application/json", "Content-Encoding": "zstd"}, 415),
        (b"[" * 10000, {"Content-Type": "application/json"}, 400),
        (gzip.compress(b" " * (2 << 20)), {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 413),
    ],
)
def test_bad_requests_are_told_why(tocsin, body, headers, status):
    answer = tocsin.post("/v1/metrics", body, headers)
    assert answer.status == status
    assert len(answer.body) > 10
    assert tocsin.is_healthy()


def test_the_sources_command_tells_of_it(tocsin):
    done = tocsin.sloctl("sources")
    assert done.returncode == 0, done.stderr
    assert "otlp" in done.stdout and "dropped: " in done.stdout
    listed = {one["name"]: one for one in json.loads(tocsin.sloctl("sources", "-o", "json").stdout)["sources"]}
    assert listed["otlp"]["state"] in ("refusing", "ok")
    assert listed["otlp"]["per_second"] > 0
    page = tocsin.get("/", {"Accept": "text/html"}).text
    assert "What to do" in page and "otlp" in page
