"""Makes and sends what Amazon Data Firehose delivers: metric streams of both formats, and subscriptions of CloudWatch Logs."""

import base64
import gzip
import json
import uuid

from google.protobuf.internal.encoder import _VarintBytes
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

KEY = "firehose-key-0123456789"
ACCOUNT, REGION = "123456789012", "eu-west-1"


class Point:
    """One metric over one period of a minute, from the observations themselves."""

    def __init__(self, namespace, name, dimensions, minute, observations, percentiles=()):
        self.namespace, self.name, self.dimensions, self.minute = namespace, name, dimensions, minute
        self.count, self.sum = len(observations), float(sum(observations))
        self.min, self.max = min(observations), max(observations)
        ordered = sorted(observations)
        self.percentiles = {one: ordered[min(len(ordered) - 1, int(len(ordered) * one / 100))] for one in percentiles}

    def json(self):
        """A line of the stream's JSON format."""
        value = {"count": self.count, "sum": self.sum, "max": self.max, "min": self.min}
        value |= {f"p{one:g}": found for one, found in self.percentiles.items()}
        return json.dumps(
            {
                "metric_stream_name": "tocsin",
                "account_id": ACCOUNT,
                "region": REGION,
                "namespace": self.namespace,
                "metric_name": self.name,
                "dimensions": self.dimensions,
                "timestamp": self.minute * 60_000,
                "value": value,
                "unit": "None",
            },
            separators=(",", ":"),
        )


def json_record(points):
    return "".join(point.json() + "\n" for point in points).encode()


def export_request(points):
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add()
    attributes = {
        "cloud.provider": "aws",
        "cloud.account.id": ACCOUNT,
        "cloud.region": REGION,
        "aws.exporter.arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:metric-stream/tocsin",
    }
    for key, value in attributes.items():
        metrics.resource.attributes.add(key=key).value.string_value = value
    scope = metrics.scope_metrics.add()
    for point in points:
        metric = scope.metrics.add(name=f"amazonaws.com/{point.namespace}/{point.name}", unit="{None}")
        found = metric.summary.data_points.add(
            start_time_unix_nano=point.minute * 60 * 10**9,
            time_unix_nano=(point.minute + 1) * 60 * 10**9,
            count=point.count,
            sum=point.sum,
        )
        found.attributes.add(key="Namespace").value.string_value = point.namespace
        found.attributes.add(key="MetricName").value.string_value = point.name
        dimensions = found.attributes.add(key="Dimensions").value.kvlist_value
        for key, value in point.dimensions.items():
            dimensions.values.add(key=key).value.string_value = value
        found.quantile_values.add(quantile=0.0, value=point.min)
        for one, value in point.percentiles.items():
            found.quantile_values.add(quantile=one / 100, value=value)
        found.quantile_values.add(quantile=1.0, value=point.max)
    return request


def otlp_record(points, per_message=3):
    """ExportMetricsServiceRequests one after the other, each behind its length as a varint."""
    record = b""
    for start in range(0, len(points), per_message):
        message = export_request(points[start : start + per_message]).SerializeToString()
        record += _VarintBytes(len(message)) + message
    return record


def log_record(events, kind="DATA_MESSAGE", group="/ecs/shop"):
    """A subscription's record: gzip of one message; events are pairs of id and text."""
    message = {
        "messageType": kind,
        "owner": ACCOUNT,
        "logGroup": group,
        "logStream": "web/1",
        "subscriptionFilters": ["tocsin"],
        "logEvents": [{"id": id, "timestamp": at, "message": text} for id, at, text in events],
    }
    return gzip.compress(json.dumps(message).encode())


def body(records, id="id"):
    data = [{"data": base64.b64encode(record).decode()} for record in records]
    return json.dumps({"requestId": id, "timestamp": 1578090901599, "records": data}).encode()


def headers(id="id", key=KEY, **extra):
    return {
        "Content-Type": "application/json",
        "X-Amz-Firehose-Protocol-Version": "1.0",
        "X-Amz-Firehose-Request-Id": id,
        "X-Amz-Firehose-Source-Arn": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/tocsin",
        "X-Amz-Firehose-Access-Key": key,
        "X-Amz-Firehose-Common-Attributes": '{"commonAttributes":{"environment":"test"}}',
        **extra,
    }


def deliver(tocsin, records, packed=False, id=None):
    """Posts a request as Firehose does; the answer must be of Firehose's shape whatever its status."""
    id = id or str(uuid.uuid4())
    content = body(records, id)
    extra = {"Content-Encoding": "gzip"} if packed else {}
    answer = tocsin.post("/v1/firehose", gzip.compress(content) if packed else content, headers(id, **extra))
    check_shape(answer, id)
    return answer


def check_shape(answer, id):
    assert answer.headers["Content-Type"] == "application/json", answer.text
    assert int(answer.headers["Content-Length"]) == len(answer.body) <= 1 << 20
    assert "Content-Encoding" not in answer.headers
    document = answer.json()
    assert document["requestId"] == id
    assert isinstance(document["timestamp"], int) and document["timestamp"] > 1_500_000_000_000
    assert set(document) == {"requestId", "timestamp"} | (set() if answer.status == 200 else {"errorMessage"})
    assert len(document.get("errorMessage", "")) <= 8192
