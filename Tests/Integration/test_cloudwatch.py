"""CloudWatch end to end: real series in moto's server, pulled by SigV4, judged by a rule, paged, accounted for.

moto is right for plain statistics; percentiles, paging and signatures are the stand-in's part (tests of its own).
"""

import csv
import datetime
import json
import subprocess
import sys
import time
import warnings

import boto3
import jsonschema
import pytest
from botocore.config import Config
from harness import HOST, PROJECT, SHARED, binary, clean_environment, free_port, promtool, request, wait_until

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDINTEGRATION", "AWS_SECRET_ACCESS_KEY": "integration-secret"}
REGION = "eu-west-1"
DATABASE = [{"Name": "DBInstanceIdentifier", "Value": "orders"}]
BALANCER = [{"Name": "LoadBalancer", "Value": "app/shop/50dc6c495c0c9188"}]
PERIOD = 300  # seconds between two points of the real series

# The real database idles at 6 % and jumps to 25 % in one step, which whoever labelled the series calls an anomaly.
RULES = """
groups:
  - name: database
    rules:
      - {record: "database:cpu:points", expr: "count_over_time(aws_rds_cpuutilization_average[3h])"}
      - {record: "balancer:requests:sum", expr: "sum_over_time(aws_applicationelb_request_count_sum[3h])"}
    thresholds:
      - alert: DatabaseCPU
        expr: max by (dimension_DBInstanceIdentifier) (last_over_time(aws_rds_cpuutilization_average[8m]))
        unit: percent
        warn: "> 15%"
        crit: "> 20%"
        priority: {warn: P3, crit: P1}
        action: Scale, replicas
    slos:
      - name: availability
        objective: 99%
        window: 30d
        sli:
          events:
            bad: aws_applicationelb_httpcode_target_5xx_count_sum
            total: aws_applicationelb_request_count_sum
"""


def real_series(name, instead):
    """The values of a real series; where there is none, made-up ones, and the run says so."""
    path = SHARED / "cloudwatch" / name
    if not path.exists():
        warnings.warn(f"{path} is absent: the test makes a series of its own")
        return instead
    with open(path) as file:
        return [float(row["value"]) for row in csv.DictReader(file)]


def database_series():
    """CPU points up to and with the first one over 20 %."""
    made = [6 + index % 7 / 10 for index in range(24)] + [25.1]
    values = real_series("rds_cpu_utilization_cc0c53.csv", made)
    crossing = next(index for index, value in enumerate(values) if value > 20)
    assert max(values[crossing - 24 : crossing]) < 15, "the series is calm before it crosses"
    return values[crossing - 24 : crossing + 1]


def request_series():
    return real_series("elb_request_count_8c0756.csv", [float(40 + index * 13 % 60) for index in range(24)])[:24]


@pytest.fixture
def moto(make_process):
    """moto's server, and a boto3 client of it."""
    port = free_port()
    server = make_process(
        "moto", [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)], clean_environment(**KEYS)
    )
    wait_until(
        lambda: request(port, "GET", "/moto-api/data.json").status == 200, "moto answers", 60, alive=[server.process]
    )
    client = boto3.client(
        "cloudwatch",
        region_name=REGION,
        endpoint_url=f"http://{HOST}:{port}",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        # moto answers 500 to the compressed requests that botocore makes of large ones.
        config=Config(disable_request_compression=True, proxies={}),
    )
    client.endpoint = f"http://{HOST}:{port}"
    client.server = server
    return client


def put(client, namespace, name, dimensions, points):
    client.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Value": value,
                "Timestamp": datetime.datetime.fromtimestamp(second, datetime.timezone.utc),
            }
            for second, value in points
        ],
    )


def test_a_real_series_crosses_a_threshold_and_the_page_arrives(moto, pager, make_tocsin):
    database, requests = database_series(), request_series()
    *calm, crossing = database
    now = int(time.time())
    calm_points = [(now - PERIOD * (len(calm) - index), value) for index, value in enumerate(calm)]
    request_points = [(now - PERIOD * (len(requests) - index), value) for index, value in enumerate(requests)]
    put(moto, "AWS/RDS", "CPUUtilization", DATABASE, calm_points)
    put(moto, "AWS/ApplicationELB", "RequestCount", BALANCER, request_points)
    # The balancer has a code counter only where it is not zero: two failures in one period.
    put(moto, "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", BALANCER, [(request_points[10][0], 2.0)])
    # What no rule asks for is not pulled.
    put(moto, "AWS/RDS", "FreeableMemory", DATABASE, calm_points)

    tocsin = make_tocsin(
        hook=pager.url,
        rules=RULES,
        environment=KEYS,
        settings={
            "sources": {"cloudwatch": [{"regions": [REGION], "endpoint": moto.endpoint, "period": "1s", "delay": "0s"}]}
        },
    ).start()

    # The history is in the rings, point for point, under the exporter's names.
    series = {"dimension_DBInstanceIdentifier": "orders", "region": REGION}
    held = wait_until(
        lambda: (
            (found := tocsin.query("aws_rds_cpuutilization_average[3h]"))
            and len(found[0]["values"]) == len(calm)
            and found
        ),
        "all points of the real series are in the rings",
        30,
    )
    assert len(held) == 1
    assert held[0]["metric"] == {"__name__": "aws_rds_cpuutilization_average", **series}
    assert [(int(at), float(value)) for at, value in held[0]["values"]] == calm_points
    assert tocsin.query('{__name__=~"aws_rds_freeable_memory.*"}[3h]') == []

    # A calm database pages nobody: the rule has judged the history.
    wait_until(lambda: tocsin.value("database:cpu:points") == len(calm), "the rules have judged the history", 15)
    assert tocsin.incidents() == [] and pager.snapshot() == []

    # The point at which the real database jumps.
    put(moto, "AWS/RDS", "CPUUtilization", DATABASE, [(int(time.time()), crossing)])
    page = pager.wait_for(lambda got: next(iter(got), None), "the page of the crossing", 30)
    assert page.fault is None, page.fault
    assert page.kind == "incident.opened"
    assert page.id == page.message["id"]
    incident = page.incident
    assert (incident["priority"], incident["level"]) == ("P1", "crit")
    assert incident["labels"]["dimension_DBInstanceIdentifier"] == "orders"
    assert incident["action"] == "Scale, replicas"
    assert incident["alerts"][0]["value"] == pytest.approx(crossing)

    # The same incident over the API, delivered once under that id.
    listed = tocsin.incidents()
    assert [one["id"] for one in listed] == [incident["id"]]
    delivered = wait_until(
        lambda: [one for one in tocsin.deliveries() if one["state"] == "delivered"], "the delivery is on record"
    )
    assert [(one["id"], len(one["tries"])) for one in delivered] == [(page.id, 1)]
    source = tocsin.sources()[f"cloudwatch/{REGION}"]
    assert source["on"] and source["advice"] == "" and source["refused"] == {}

    check_budget(tocsin, requests)
    check_metrics(tocsin)
    assert "integration-secret" not in tocsin.log + tocsin.get("/metrics").text, "secrets stay secret"


PRICED_RULES = """
groups:
  - name: database
    thresholds:
      - {alert: CPU, expr: "aws_rds_cpuutilization_average", warn: "> 90", priority: P4}
      - {alert: Mean, expr: "aws_rds_cpuutilization_average / 2", crit: "> 90", priority: P3}
  - name: balancer
    thresholds:
      - {alert: Requests, expr: "aws_applicationelb_request_count_sum", crit: "> 1e9", priority: P1}
"""


def billed(moto):
    """Metrics and requests that moto's own record of calls says AWS would bill: an independent count."""
    calls = moto_calls(moto)
    metrics = sum(call.count("MetricStat") for operation, call in calls if operation == "GetMetricData")
    return metrics, sum(1 for operation, _ in calls if operation == "ListMetrics")


def moto_calls(moto):
    host, port = moto.endpoint.removeprefix("http://").split(":")
    recorded = request(int(port), "GET", "/moto-api/recorder/download-recording").text
    calls = []
    for line in recorded.splitlines():
        call = json.loads(line)
        target = {name.lower(): value for name, value in call["headers"].items()}.get("x-amz-target", "")
        calls.append((target.rsplit(".", 1)[-1], call.get("body") or ""))
    return calls


def test_every_call_is_priced_and_the_month_survives_kill(moto, pager, make_tocsin):
    now = int(time.time())
    put(moto, "AWS/RDS", "CPUUtilization", DATABASE, [(now - 60 * i, 6.0) for i in range(1, 20)])
    put(moto, "AWS/ApplicationELB", "RequestCount", BALANCER, [(now - 60 * i, 9.0) for i in range(1, 20)])
    port = int(moto.endpoint.rsplit(":", 1)[1])
    assert request(port, "POST", "/moto-api/recorder/start-recording").status == 200
    # 1 s periods: the one metric of P4 and P3 rules does not fit, the P1 one keeps its pace.
    entry = {
        "regions": [REGION],
        "endpoint": moto.endpoint,
        "period": "1s",
        "delay": "0s",
        "budget_usd_per_month": 34,
        "metric_statistics": False,
    }
    tocsin = make_tocsin(
        hook=pager.url, rules=PRICED_RULES, environment=KEYS, settings={"sources": {"cloudwatch": [entry]}}
    ).start()

    def account():
        document = tocsin.get("/v1/cost").json()
        return document["accounts"][0] if document["accounts"] else None

    def call(operation):
        return next((one for one in account()["calls"] if one["operation"] == operation), {"units": 0})

    wait_until(lambda: call("GetMetricData")["units"] >= 10, "ten metrics are billed", 30)
    report = account()
    assert report["state"] == "slowed", report
    assert [(one["priority"], one["rules"]) for one in report["slowed"]] == [
        ("P3", ["database/CPU", "database/Mean"])
    ]
    assert report["slowed"][0]["from_seconds"] == 2 and report["slowed"][0]["to_seconds"] > 2
    assert not report["is_billed"], "moto's bill is nobody's"
    # What two rules share is split evenly.
    parts = {one["rule"]: one["usd_per_month"] for one in report["rules"]}
    assert parts["database/CPU"] == pytest.approx(parts["database/Mean"])
    assert sum(parts.values()) == pytest.approx(report["plan_usd_per_month"], rel=0.01)

    # It is said wherever a person may look.
    assert "1 metric of P3 rules" in tocsin.sources()[f"cloudwatch/{REGION}"]["notice"]
    assert "slowed for the budget" in tocsin.log
    assert tocsin.metric("tocsin_cloudwatch_slowed_metrics", account="own", priority="P3") == 1
    assert tocsin.metric("tocsin_cloudwatch_slowed_metrics", account="own", priority="P1") == 0
    shown = tocsin.sloctl("cost")
    assert shown.returncode == 0 and "SLOWED" in shown.stdout and "database/CPU" in shown.stdout
    assert tocsin.sloctl("cost", "--check").returncode == 1
    as_json = json.loads(tocsin.sloctl("cost", "--format", "json").stdout)
    assert as_json["schema"] == "tocsin.cost/1"

    # Killed: what was counted is at most one poll short of what moto saw.
    tocsin.kill()
    seen = billed(moto)
    tocsin.start()
    wait_until(lambda: account() and account()["regions"], "the plan is made", 30)
    metrics, lists = call("GetMetricData")["units"], call("ListMetrics")["units"]
    assert metrics >= seen[0] - 2 and lists >= seen[1] - 1
    wait_until(lambda: call("GetMetricData")["units"] >= metrics + 3, "it goes on counting", 30)
    tocsin.stop()
    tocsin_units = billed(moto)
    tocsin.start()
    wait_until(lambda: account() and account()["regions"], "the plan is made", 30)
    assert call("GetMetricData")["units"] >= tocsin_units[0] - 2


def test_the_shipped_rules_are_priced_offline(tmp_path):
    """`sloctl cost --plan` needs no server, and its arithmetic adds up."""
    run = subprocess.run(
        [binary("sloctl"), "cost", "--plan", str(PROJECT / "AlertRules"), "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    account = json.loads(run.stdout)["accounts"][0]
    assert account["plan_usd_per_month"] < 10 and account["data_alone_usd_per_month"] < 10
    month = 30 * 86400
    queries = sum(one["resources"] * month / one["poll_every_seconds"] for one in account["metrics"])
    assert queries / 1000 * 0.01 == pytest.approx(account["data_alone_usd_per_month"])
    data = sum(
        one["resources"] * month / one["poll_every_seconds"]
        for one in account["metrics"]
        if one["operation"] == "GetMetricData"
    )
    assert data / 1000 * 0.01 == pytest.approx(account["plan_usd_per_month"])
    requests = sum(one["units_per_month"] for one in account["calls"] if one["billed_by"] == "requests")
    assert requests <= 1_000_000, "what is asked by GetMetricStatistics is free"


SILENCE_RULES = """
groups:
  - name: balancer
    interval: 1s
    thresholds:
      - alert: Errors
        expr: sum(last_over_time(aws_applicationelb_httpcode_target_5xx_count_sum[20s]))
        unit: count
        crit: "> 0"
        priority: P2
"""


def test_zero_is_told_from_silence(moto, pager, make_tocsin):
    """A counter that the balancer leaves out is zero while there is traffic, and no data when there is none."""
    tocsin = make_tocsin(
        hook=pager.url,
        rules=SILENCE_RULES,
        environment=KEYS,
        settings={
            "sources": {"cloudwatch": [{"regions": [REGION], "endpoint": moto.endpoint, "period": "1s", "delay": "0s"}]}
        },
    )

    def traffic(errors=0):
        now = int(time.time())
        put(moto, "AWS/ApplicationELB", "RequestCount", BALANCER, [(now, 50.0)])
        if errors:
            put(moto, "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", BALANCER, [(now, float(errors))])

    def alert():
        found = tocsin.get("/api/v1/alerts").json()["data"]["alerts"]
        return next((one for one in found if one["labels"]["alertname"] == "Errors"), None)

    def after(what, check, deadline=40, **feeding):
        """Waits for `check`, with traffic as `feeding` says."""

        def fed():
            if feeding:
                traffic(**feeding)
            return check()

        return wait_until(fed, what, deadline, pause=0.5)

    traffic(errors=3)
    tocsin.start()
    after("errors fire", lambda: (one := alert()) and one["state"] == "firing", errors=3)
    # Requests without errors: the counter is silent, and that is zero.
    after("zeros resolve", lambda: not alert() or alert()["state"] != "firing", errors=0)
    kinds = pager.wait_for(
        lambda got: [one.kind for one in got] if len(got) >= 2 else None, "the page and its end", 20
    )
    assert kinds[:2] == ["incident.opened", "incident.resolved"]
    # Errors again, then no traffic at all: nothing says that they are over.
    after("errors fire again", lambda: (one := alert()) and one["state"] == "firing", errors=4)
    held = after("no data is said", lambda: (one := alert()) and one.get("condition") == "no_data" and one)
    assert held["state"] == "firing"
    assert [one["state"] for one in tocsin.incidents()] == ["open"]


UNSEEN_RULES = """
groups:
  - name: app
    interval: 1s
    thresholds:
      - alert: Errors
        expr: sum by (dimension_LoadBalancer) (last_over_time(aws_applicationelb_httpcode_target_5xx_count_sum[30s]))
        warn: "> 0"
        missing: ok
  - name: prometheus
    interval: 1s
    rules:
      - {alert: Plain, expr: "last_over_time(aws_applicationelb_httpcode_target_5xx_count_sum[30s]) > 0"}
"""


def test_nothing_resolves_because_cloudwatch_is_not_read(moto, pager, make_tocsin):
    """Samples run out because no call is answered: alerts stand, and say that they are blind."""
    tocsin = make_tocsin(
        hook=pager.url,
        rules=UNSEEN_RULES,
        environment=KEYS,
        settings={
            "sources": {"cloudwatch": [{"regions": [REGION], "endpoint": moto.endpoint, "period": "1s", "delay": "0s"}]}
        },
    )

    def traffic():
        put(moto, "AWS/ApplicationELB", "RequestCount", BALANCER, [(int(time.time()), 50.0)])
        put(moto, "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", BALANCER, [(int(time.time()), 9.0)])

    # What is not there when metrics are listed is not asked for until they are listed again.
    traffic()
    tocsin.start()

    def alerts():
        found = tocsin.get("/api/v1/alerts").json()["data"]["alerts"]
        return {one["labels"]["alertname"]: one for one in found}

    def both_fire():
        traffic()
        return {name: one["state"] for name, one in alerts().items()} == {"Errors": "firing", "Plain": "firing"}

    wait_until(both_fire, "both alerts fire", 60, pause=0.5)
    moto.server.kill()
    series = "last_over_time(aws_applicationelb_httpcode_target_5xx_count_sum[30s])"
    wait_until(lambda: tocsin.query(series) == [], "the samples run out", 60, pause=0.5)
    held = wait_until(
        lambda: {name: one["condition"] for name, one in alerts().items()} == {"Errors": "error", "Plain": "error"}
        and alerts(),
        "both are held",
    )
    assert {one["state"] for one in held.values()} == {"firing"}
    assert {one["state"] for one in tocsin.incidents()} == {"open"}
    assert all("has not been read since" in one["blind"] for one in tocsin.incidents())


LIMIT_RULES = """
groups:
  - name: database
    interval: 1s
    thresholds:
      - alert: DBConnections
        expr: |
          max by (dimension_DBInstanceIdentifier) (last_over_time(aws_rds_database_connections_average[20m]))
            / on (dimension_DBInstanceIdentifier)
            max by (dimension_DBInstanceIdentifier) (last_over_time(aws_rds_max_connections[20m]))
        unit: ratio
        warn: "> 70%"
        crit: "> 85%"
        priority: {warn: P3, crit: P2}
      - {alert: Memory, expr: "aws_rds_instance_memory_bytes", warn: "> 1e15"}
      - {alert: Nodes, expr: "sum by (dimension_ClusterName) (aws_autoscaling_group_max_instances)", warn: "> 1e9"}
"""


def aws_cli(moto, *arguments):
    """What the AWS CLI answers, as a document: the second opinion on every look-up."""
    run = subprocess.run(
        [sys.executable, "-c", "import sys; from awscli.clidriver import main; sys.exit(main())"]
        + ["--endpoint-url", moto.endpoint, "--region", REGION, "--output", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(**KEYS),
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_limits_are_looked_up_and_divide(moto, pager, make_tocsin):
    """Connections over the max_connections that RDS has, as the AWS CLI reads it too."""
    pytest.importorskip("awscli")
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}

    def service(name):
        return boto3.client(name, region_name=REGION, endpoint_url=moto.endpoint, config=Config(proxies={}), **keys)

    rds, scaling = service("rds"), service("autoscaling")
    rds.create_db_parameter_group(DBParameterGroupName="tuned", DBParameterGroupFamily="postgres16", Description="d")
    rds.modify_db_parameter_group(
        DBParameterGroupName="tuned",
        Parameters=[{"ParameterName": "max_connections", "ParameterValue": "200", "ApplyMethod": "pending-reboot"}],
    )
    login = {"MasterUsername": "u", "MasterUserPassword": "password1", "AllocatedStorage": 20}
    for name, group in [("orders", {"DBParameterGroupName": "tuned"}), ("plain", {})]:
        rds.create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.r6g.large", **login, **group
        )
    scaling.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-1", InstanceType="t3.medium")
    for name, size in [("a", 6), ("b", 3)]:
        tag = {"Key": "eks:cluster-name", "Value": "prod", "PropagateAtLaunch": True}
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="lc",
            MinSize=0,
            MaxSize=size,
            AvailabilityZones=[REGION + "a"],
            Tags=[{**tag, "ResourceId": name, "ResourceType": "auto-scaling-group"}],
        )
    now = int(time.time())
    put(moto, "AWS/RDS", "DatabaseConnections", DATABASE, [(now - 1, 180.0)])

    entry = {"regions": [REGION], "endpoint": moto.endpoint, "lookup_endpoint": moto.endpoint}
    tocsin = make_tocsin(
        hook=pager.url,
        rules=LIMIT_RULES,
        environment=KEYS,
        settings={"sources": {"cloudwatch": [{**entry, "period": "1s", "delay": "0s"}]}},
    ).start()

    def limits(name, label):
        return {one["metric"][label]: one for one in tocsin.query(f"last_over_time({name}[20m])")}

    found = wait_until(
        lambda: limits("aws_rds_max_connections", "dimension_DBInstanceIdentifier"), "limits are looked up", 40
    )
    # The parameter, as the CLI reads it; where there is none, the formula over the memory that the CLI reads of EC2.
    parameters = aws_cli(moto, "rds", "describe-db-parameters", "--db-parameter-group-name", "tuned")["Parameters"]
    literal = next(one["ParameterValue"] for one in parameters if one["ParameterName"] == "max_connections")
    assert float(found["orders"]["value"][1]) == float(literal) == 200
    assert found["orders"]["metric"]["source"] == "parameter_group"
    types = aws_cli(moto, "ec2", "describe-instance-types", "--filters", "Name=instance-type,Values=r6g.large")
    memory = types["InstanceTypes"][0]["MemoryInfo"]["SizeInMiB"] * 2**20
    assert float(found["plain"]["value"][1]) == int((memory * 0.9385 - 0.22e9) / 9531392)
    assert found["plain"]["metric"]["source"] == "class_formula"
    sizes = limits("aws_rds_instance_memory_bytes", "dimension_DBInstanceIdentifier")
    assert {name: float(one["value"][1]) for name, one in sizes.items()} == {"orders": memory, "plain": memory}
    groups = aws_cli(moto, "autoscaling", "describe-auto-scaling-groups")["AutoScalingGroups"]
    assert {
        name: float(one["value"][1])
        for name, one in limits("aws_autoscaling_group_max_instances", "dimension_AutoScalingGroupName").items()
    } == {one["AutoScalingGroupName"]: one["MaxSize"] for one in groups}

    # 180 of 200 connections page, by the number that was looked up.
    page = pager.wait_for(lambda got: next(iter(got), None), "the page", 30)
    assert page.incident["labels"]["dimension_DBInstanceIdentifier"] == "orders"
    assert page.incident["alerts"][0]["value"] == pytest.approx(0.9)
    # Where each number is from stands where a person looks.
    shown = tocsin.sloctl("sources").stdout
    assert "orders 200 connections (parameter_group: max_connections = 200 in tuned)" in shown
    assert tocsin.sources()[f"limits/{REGION}"]["advice"] == ""
    calls = {one["operation"]: one for one in tocsin.get("/v1/cost").json()["accounts"][0]["calls"]}
    assert calls["DescribeDBInstances"]["billed_by"] == "free" and calls["DescribeDBInstances"]["spent_usd"] == 0


def check_budget(tocsin, requests):
    """`sloctl budget availability -o json` keeps its contract, and its numbers are those of the real series."""

    def counted():
        document = json.loads(tocsin.sloctl("budget", "availability", "-o", "json").stdout)
        return document if document["total"] == sum(requests) else None

    document = wait_until(counted, "every request of the real series is counted", 20)
    schema = json.loads((PROJECT / "docs" / "schema" / "budget.schema.json").read_text())
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    total = int(sum(requests))
    assert (document["slo"], document["objective"]) == ("availability", 0.99)
    assert (document["total"], document["bad"], document["good"]) == (total, 2, total - 2)
    assert document["attained"] == pytest.approx((total - 2) / total)
    assert document["budget"]["consumed_ratio"] == pytest.approx(2 / (0.01 * total))
    assert document["budget"]["remaining_events"] == int(0.01 * total - 2)
    table = tocsin.sloctl("budget", "availability")
    assert table.returncode == 0 and "availability" in table.stdout


def check_metrics(tocsin):
    """promtool finds nothing to say about /metrics, and its OpenMetrics form ends as it must."""
    text = tocsin.get("/metrics")
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    checked = subprocess.run([promtool(), "check", "metrics"], input=text.body, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    for family in ["tocsin_slo_error_budget_remaining_ratio", "tocsin_slo_burn_rate", "tocsin_build_info"]:
        assert f"# TYPE {family} gauge" in text.text
    modern = tocsin.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert modern.text.endswith("\n# EOF\n")
