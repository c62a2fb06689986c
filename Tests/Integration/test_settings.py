"""Settings: the schema, the page about them, the messages that name them and what the service does all agree."""

import json
import re
import socket
import subprocess
import time

import jsonschema
import msgpack
import pytest
import remote_write
import yaml
from harness import HOST, PROJECT, binary, free_port, wait_until

SECTIONS = "server|store|evaluation|sources|incidents"


@pytest.fixture(scope="module")
def schema():
    printed = subprocess.run([binary("tocsin"), "config", "schema"], capture_output=True, text=True, timeout=30)
    assert printed.returncode == 0
    document = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(document)
    return document


def paths(node, prefix=""):
    for name, value in node.get("properties", {}).items():
        yield prefix + name
        yield from paths(value, f"{prefix}{name}.")
        if isinstance(value.get("items"), dict):
            yield from paths(value["items"], f"{prefix}{name}.")


def settings_files():
    yield (PROJECT / "deploy" / "local" / "tocsin.yaml").read_text()
    for document in yaml.safe_load_all((PROJECT / "deploy" / "kubernetes" / "tocsin.yaml").read_text()):
        if document["kind"] == "ConfigMap":
            yield document["data"]["tocsin.yaml"]


@pytest.mark.parametrize("text", settings_files(), ids=["local", "kubernetes"])
def test_the_shipped_settings_fit_the_schema(text, schema):
    jsonschema.validate(yaml.safe_load(text), schema, cls=jsonschema.Draft202012Validator)


def test_every_setting_has_its_line_in_the_page(schema):
    page = (PROJECT / "docs" / "settings.md").read_text()
    assert [path for path in paths(schema) if path.split(".")[-1] not in page] == []


def named_in_messages(path):
    """Names of settings in the string literals of a source file, what is interpolated left out."""
    for line in path.read_text().splitlines():
        plain = re.sub(r"\\\([^()]*(?:\([^()]*\))?[^()]*\)", "", line)
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', plain):
            yield from re.findall(rf"\b(?:{SECTIONS})\.[a-z_.]*[a-z]\b", text)


def test_every_setting_that_a_message_names_exists(schema):
    known = set(paths(schema))
    named = {(path.name, name) for path in (PROJECT / "Sources").rglob("*.swift") for name in named_in_messages(path)}
    assert len(named) > 10, "messages name settings"
    assert {one for one in named if one[1] not in known} == set()


def test_limits_from_the_file_are_kept_and_named(make_tocsin):
    port = free_port()
    tocsin = make_tocsin(
        settings={
            "store": {"max_series": 1000},
            "sources": {
                "forward": {"listen": f"{HOST}:{port}", "max_message": "64KiB"},
                "http_ingest": {"max_body": "64KiB"},
            },
        }
    ).start()

    def series(first, count):
        now = int(time.time() * 1000)
        return [({"__name__": "filler", "number": str(n)}, [(now, 1.0)]) for n in range(first, first + count)]

    # A body over its limit.
    refused = tocsin.post("/api/v1/write", bytes(65537), remote_write.HEADERS)
    assert refused.status == 413 and "sources.http_ingest.max_body" in refused.text

    # Series over theirs: new ones are refused by name, old ones go on.
    for first in range(0, 900, 300):
        tocsin.write_samples(series(first, 300))
    refused = tocsin.post("/api/v1/write", remote_write.body(series(900, 300)), remote_write.HEADERS)
    assert refused.status == 400 and "store.max_series" in refused.text, refused.text
    assert tocsin.metric("tocsin_store_samples_refused_total", cause="series_limit") > 0
    tocsin.write_samples(series(0, 300))
    assert tocsin.value("count(filler)") <= 1000

    # A message over its limit is dropped, and the connection goes on.
    with socket.create_connection((HOST, port), timeout=10) as client:
        client.sendall(msgpack.packb(["tag", int(time.time()), {"log": "x" * 70_000}]))
        client.sendall(msgpack.packb(["tag", int(time.time()), {"log": "small"}]))
        wait_until(lambda: tocsin.sources()["forward"]["accepted"] == 1, "the small message is taken")
    source = tocsin.sources()["forward"]
    assert source["refused"] == {"message_too_large": 1} and "sources.forward.max_message" in source["advice"]
