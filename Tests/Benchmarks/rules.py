"""Rules and queries as services have them, over the series that `generate service` and `generate objective` write."""
import json

SERVICES = 1000


def expression(number):
    """Of ten rules: four thresholds, two averages, two error ratios, one burn rate, one latency quantile."""
    service, kind = f"svc-{number * 7919 % SERVICES:05d}", number % 10
    thresholds = [
        'container_memory_working_set_bytes{{service="{}"}} > 4.67e8', 'up{{service="{}"}} == 0',
        'node_load1{{service="{}"}} > 8', 'aws_alb_target_response_time_average{{service="{}"}} > 0.5']
    if kind < 4:
        return thresholds[kind].format(service)
    if kind < 6:
        name = ["aws_rds_cpu_utilization_average", "node_load1"][kind - 4]
        return f'avg_over_time({name}{{service="{service}"}}[5m]) > 95'
    if kind < 8:
        return (f'sum by (service) (rate(http_requests_total{{service="{service}",status="500"}}[5m]))'
                f' / sum by (service) (rate(http_requests_total{{service="{service}"}}[5m])) > 0.05')
    if kind < 9:
        def burn(window):
            return (f'sum(rate(slo_requests_total{{service="{service}",code="err"}}[{window}]))'
                    f' / sum(rate(slo_requests_total{{service="{service}"}}[{window}]))')
        return (f'({burn("5m")} > 0.0144 and {burn("1h")} > 0.0144)'
                f' or ({burn("30m")} > 0.006 and {burn("6h")} > 0.006)')
    return ('histogram_quantile(0.99, sum by (le) '
            f'(rate(http_request_duration_seconds_bucket{{service="{service}"}}[5m]))) > 2.5')


def rule_file(count, interval, per_group=100):
    lines = ["groups:"]
    for first in range(0, count, per_group):
        lines += [f"- name: g{first}", f"  interval: {interval}s", "  rules:"]
        for number in range(first, min(count, first + per_group)):
            lines += [f"  - alert: a{number}", f"    expr: {json.dumps(expression(number))}",
                      "    labels: {severity: page}",
                      "    annotations: {summary: 'a {{ $labels.service }} {{ $value }}'}"]
    return "\n".join(lines) + "\n"


ONE_SERVICE = [
    'up{service="svc-00042"}',
    'http_requests_total{service="svc-00042",status="500"}',
    'sum by (service) (rate(http_requests_total{service="svc-00042"}[5m]))',
    'avg_over_time(aws_rds_cpu_utilization_average{service="svc-00042"}[5m]) > 50',
    'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{service="svc-00042"}[5m])))',
    'sum(rate(slo_requests_total{service="svc-00042",code="err"}[6h])) / sum(rate(slo_requests_total{service="svc-00042"}[6h]))',
]
WIDE = [
    'count(up == 1)',
    'sum by (namespace) (rate(http_requests_total{status="500"}[5m]))',
    'topk(5, avg_over_time(node_load1[5m]))',
    '{__name__=~"http_.*",service=~"svc-0004.",status!~"2.."}',
]
# Seven buckets of a hundred thousand series' pods: 35,000 series.
AGGREGATE = 'histogram_quantile(0.99, sum by (le, namespace) (rate(http_request_duration_seconds_bucket[5m])))'

# Text, seconds, step in seconds.
RANGES = [
    ('sum by (service) (rate(http_requests_total{service="svc-00042"}[5m]))', 600, 15),
    ('sum(rate(slo_requests_total{service="svc-00042",code="err"}[1h])) / sum(rate(slo_requests_total{service="svc-00042"}[1h]))',
     5 * 3600, 60),
    ('sum by (namespace) (rate(http_requests_total{status="500"}[5m]))', 600, 15),
]
