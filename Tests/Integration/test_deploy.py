"""What carries Tocsin elsewhere is right: the image's command, the Kubernetes files, the IAM policy."""

import json
import re
import subprocess

import pytest
import yaml
from harness import PROJECT, SECRET, binary, clean_environment

DEPLOY = PROJECT / "deploy"


def documents():
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document:
                yield document


def by_kind(kind):
    return [document for document in documents() if document["kind"] == kind]


def serve_options():
    told = subprocess.run([binary("tocsin"), "serve", "--help"], capture_output=True, text=True, timeout=30)
    assert told.returncode == 0
    return set(re.findall(r"--[a-z-]+", told.stdout))


def check_command(arguments):
    assert arguments[0] == "serve"
    flags = [argument for argument in arguments if argument.startswith("--")]
    assert flags and set(flags) <= serve_options()


def test_the_image_runs_a_command_that_exists():
    text = (DEPLOY / "Dockerfile").read_text()
    assert json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.M).group(1)) == ["tocsin"]
    check_command(json.loads(re.search(r"^CMD (.*)$", text, re.M).group(1)))
    user = re.search(r"^USER (\d+):\d+$", text, re.M)
    assert user and int(user.group(1)) > 0, "the image does not run as root"
    for copied in re.findall(r"^COPY ([A-Za-z.]+) ", text, re.M):
        assert (PROJECT / copied).exists(), copied


def test_the_image_holds_every_library_that_the_binaries_load():
    """Each shared library belongs to a package that the final stage installs, or to the base image."""
    text = (DEPLOY / "Dockerfile").read_text()
    final = text[text.rindex("\nFROM ") :]
    installed = set(re.findall(r"\b(lib[a-z0-9.+-]+)\b", final))
    loaded = subprocess.run(["ldd", binary("tocsin")], capture_output=True, text=True).stdout
    for library, package in [
        ("libcurl.so.4", "libcurl4"),
        ("libssl.so.3", "libssl3"),
        ("libcrypto.so.3", "libssl3"),
        ("libz.so.1", "zlib1g"),
        ("libsnappy.so.1", "libsnappy1v5"),
        ("libsqlite3.so.0", "libsqlite3-0"),
        ("libyaml-0.so.2", "libyaml-0-2"),
        ("libre2.so.9", "libre2-9"),
        ("libnghttp2.so.14", "libcurl4"),
    ]:
        if library in loaded:
            assert package in installed or package in final, f"{library} needs {package}"


def test_the_pod_is_confined():
    (workload,) = by_kind("StatefulSet") + by_kind("Deployment")
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
    (container,) = pod["containers"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"] == "512Mi"
    assert pod["terminationGracePeriodSeconds"] > 10, "longer than it takes to stop"
    check_command(container["args"])
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    there = {volume["name"] for volume in pod["volumes"]} | {
        claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])
    }
    assert mounted <= there


def test_the_service_account_takes_a_role():
    (account,) = by_kind("ServiceAccount")
    assert re.fullmatch(
        r"arn:aws:iam::\d{12}:role/\S+", account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    )
    (workload,) = by_kind("StatefulSet") + by_kind("Deployment")
    assert workload["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_the_probes_ask_what_is_answered(make_tocsin):
    (workload,) = by_kind("StatefulSet") + by_kind("Deployment")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    tocsin = make_tocsin().start()
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
        asked = container[probe]["httpGet"]
        assert asked["port"] in ports
        assert tocsin.get(asked["path"]).status == 200


def test_the_config_maps_pass_the_check(tmp_path):
    """The settings and the on-call file as they stand in the ConfigMaps, with the container's paths put here."""
    files = {name: text for one in by_kind("ConfigMap") for name, text in one["data"].items()}
    assert {"tocsin.yaml", "oncall.yaml"} <= set(files)
    (tmp_path / "secrets").mkdir()
    places = {
        "/etc/tocsin/AlertRules": PROJECT / "AlertRules",
        "/etc/tocsin/oncall": tmp_path,
        "/etc/tocsin/secrets": tmp_path / "secrets",
        "/var/lib/tocsin": tmp_path / "data",
    }
    for name, text in files.items():
        for inside, outside in places.items():
            text = text.replace(inside, str(outside))
        (tmp_path / name).write_text(text)
        for secret in re.findall(r"_file: (\S+?)}", text):
            open(secret, "w").write("0123456789abcdef0123456789abcdef\n")
    checked = subprocess.run(
        [binary("tocsin"), "check", "--config", str(tmp_path / "tocsin.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("OK: ")
    settings = yaml.safe_load(files["tocsin.yaml"])
    (workload,) = by_kind("StatefulSet") + by_kind("Deployment")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    listens = {
        int(settings["server"]["listen"].rsplit(":", 1)[1]),
        int(settings["sources"]["forward"]["listen"].rsplit(":", 1)[1]),
    }
    assert listens == {port["containerPort"] for port in container["ports"]}
    (service,) = by_kind("Service")
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= {port["name"] for port in container["ports"]}


def test_the_local_settings_pass_the_check(tmp_path):
    """Where `make run` starts it: a folder with the rules, and the secret that run.sh makes."""
    for name in ["AlertRules", "deploy"]:
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / "var" / "tocsin").mkdir(parents=True)
    (tmp_path / "var" / "tocsin" / "demo-pager.secret").write_text(SECRET + "\n")
    checked = subprocess.run(
        [binary("tocsin"), "check", "--config", "deploy/local/tocsin.yaml"],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
        cwd=tmp_path,
    )
    assert checked.returncode == 0, checked.stderr
    assert "demo-secret.sh" in (DEPLOY / "local" / "run.sh").read_text()


@pytest.mark.parametrize("path", sorted((DEPLOY / "aws").glob("*.json")), ids=lambda path: path.name)
def test_the_policy_only_reads(path):
    policy = json.loads(path.read_text())
    assert policy["Version"] == "2012-10-17"
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert {"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"} <= set(actions)
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
    for action in actions:
        assert re.fullmatch(r"[a-z0-9-]+:(Get|List|Describe|Lookup)[A-Za-z]+", action), f"{action} is not a read"
