"""The Fluent forward protocol with clients that share nothing with Tocsin: modes, security, limits, kill -9, a crowd."""

import collections
import itertools
import resource
import signal
import socket
import threading
import time

import msgpack
import pytest
from fluent import sender
from forward_client import Certificates, ForwardClient, Refused, encode, event_time
from harness import HOST, free_port, wait_until

RULES = """
log_metrics:
  - name: lines_total
    parse: json
    labels: [status]
"""

STATUSES = ["200", "404", "500"]
MODES = ["Message", "Forward", "PackedForward", "gzip", "zstd"]


def records(count, start=0):
    return [{"log": f'{{"status": "{STATUSES[index % 3]}", "n": {index}}}'} for index in range(start, start + count)]


def expected(lines):
    """By the test's own reading of what it sends."""
    return dict(collections.Counter(line["log"].split('"')[3] for line in lines))


def counts(tocsin):
    return {
        one["metric"]["status"]: float(one["value"][1]) for one in tocsin.query("sum by (status) (lines_total)")
    }


@pytest.fixture
def make_forward(make_tocsin):
    """Makes daemons that take the forward protocol with the given settings."""

    def make(**settings):
        port = free_port()
        daemon = make_tocsin(rules=RULES, settings={"sources": {"forward": {"listen": f"{HOST}:{port}", **settings}}})
        daemon.forward_port = port
        return daemon

    return make


def secret(daemon, name, text):
    (daemon.folder / name).write_text(text)
    return str(daemon.folder / name)


def refused(daemon):
    return daemon.sources()["forward"]["refused"]


# MARK: Modes and security


@pytest.mark.parametrize("security", ["plain", "key", "key, user and TLS"])
def test_every_mode_counts_alike(security, make_forward, tmp_path):
    certificates = Certificates(tmp_path)
    certificates.issue("server")
    settings, arguments = {}, {}
    if security != "plain":
        (tmp_path / "key").write_text("the key\n")
        settings["shared_key_file"] = str(tmp_path / "key")
        arguments["key"] = b"the key"
    if "user" in security:
        (tmp_path / "password").write_text("pass word\n")
        settings["users"] = [{"name": "web", "password_file": str(tmp_path / "password")}]
        settings["tls"] = {"cert_file": certificates.path("server.pem"), "key_file": certificates.path("server.key")}
        arguments.update(user=b"web", password=b"pass word", tls=certificates.context())
    daemon = make_forward(**settings).start()
    sent = []
    moments = itertools.cycle([int(time.time()), event_time(int(time.time()), 5), time.time()])
    for round, mode in enumerate(MODES):
        client = ForwardClient(HOST, daemon.forward_port, **arguments)
        for part in range(3):
            lines = records(50, start=round * 1000 + part * 50)
            chunk = f"{mode}-{part}\n"
            client.send(encode("kube.app", lines, mode, next(moments), chunk))
            wanted = [f"{chunk}-{index}" for index in range(50)] if mode == "Message" else [chunk]
            assert [client.acknowledged() for _ in wanted] == wanted
            sent += lines
            # What is acknowledged is in the rings.
            assert counts(daemon) == expected(sent), mode
        client.close()
    source = daemon.sources()["forward"]
    assert (source["accepted"], source["refused"]) == (len(sent), {})


def test_fluent_logger_beside_a_client_certificate(make_forward, tmp_path):
    """Senders must have a certificate; one without is told, and a renewed server certificate is picked up by SIGHUP."""
    certificates = Certificates(tmp_path)
    for name in ("server", "shipper"):
        certificates.issue(name)
    daemon = make_forward(
        tls={
            "cert_file": certificates.path("server.pem"),
            "key_file": certificates.path("server.key"),
            "client_ca_file": certificates.path("ca.pem"),
        }
    ).start()

    def ship(chunk, certificate):
        client = ForwardClient(HOST, daemon.forward_port, tls=certificates.context(certificate))
        client.send(encode("t", records(3), "Forward", 0, chunk))
        serial = client.stream.getpeercert()["serialNumber"]
        assert client.acknowledged() == chunk
        client.close()
        return serial

    first = ship("a", "shipper")
    with pytest.raises(OSError):
        ship("b", None)
    assert refused(daemon) == {"tls": 1}
    assert "client certificate" in daemon.log
    # A sender that forgot TLS is told apart.
    plain = socket.create_connection((HOST, daemon.forward_port), timeout=20)
    plain.sendall(encode("t", records(1), "Message", 0))
    while plain.recv(100):
        pass
    wait_until(lambda: refused(daemon) == {"tls": 2}, "the plain sender is counted")
    certificates.issue("server")
    daemon.running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "certificate of the forward port was renewed" in daemon.log, "the certificate is renewed")
    assert ship("c", "shipper") != first
    assert counts(daemon) == {status: 2.0 for status in STATUSES}
    assert daemon.metric("tocsin_tls_certificate_expiry_timestamp_seconds") > time.time() + 86400


def test_strangers_and_replays_are_refused(make_forward, tmp_path):
    (tmp_path / "key").write_text("the key")
    (tmp_path / "password").write_text("right")
    daemon = make_forward(
        shared_key_file=str(tmp_path / "key"),
        users=[{"name": "web", "password_file": str(tmp_path / "password")}],
        clients=[{"network": HOST}],
        allow_anonymous_source=False,
    ).start()
    right = dict(key=b"the key", user=b"web", password=b"right")
    for wrong, reason in [
        (dict(key=b"another"), "shared key mismatch"),
        (dict(user=b"db"), "username/password mismatch"),
        (dict(password=b"wrong"), "username/password mismatch"),
        (dict(source="127.0.0.9"), "anonymous source host is denied"),
    ]:
        # The client of the address that may come is HOST itself.
        arguments = {"source": HOST, **right, **wrong}
        with pytest.raises(Refused, match=reason):
            ForwardClient(HOST, daemon.forward_port, **arguments)
    accepted = ForwardClient(HOST, daemon.forward_port, source=HOST, **right)
    replay = ForwardClient(HOST, daemon.forward_port, source=HOST)
    assert replay.next()[0] == b"HELO"
    replay.send(accepted.ping)
    word, verdict, reason, host, proof = replay.next()
    assert (word, verdict, reason, host, proof) == (b"PONG", False, b"shared key mismatch", b"", b"")
    assert replay.is_closed()
    # Records before the handshake.
    rude = ForwardClient(HOST, daemon.forward_port, source=HOST)
    rude.next()
    rude.send(encode("t", records(1), "Forward", 0))
    assert rude.next()[1] is False
    assert rude.is_closed()
    accepted.send(encode("t", records(3), "Forward", 0, "c"))
    assert accepted.acknowledged() == "c"
    assert counts(daemon) == expected(records(3))
    assert refused(daemon) == {"shared_key": 2, "user": 2, "source_denied": 1, "handshake": 1}
    # Each kind is logged once a minute, with its remedy, and no secret is.
    assert daemon.log.count("shared key mismatch") == 1
    assert "sources.forward.shared_key_file" in daemon.log
    assert "the key" not in daemon.log.replace("the key of", "") or "right" not in daemon.log
    listed = daemon.sloctl("sources").stdout
    assert "forward" in listed and "shared_key" in listed


# MARK: Limits


def test_limits_are_told_and_others_go_on(make_forward):
    daemon = make_forward(
        max_message="64KiB",
        max_decompressed="256KiB",
        max_entries=100,
        max_chunk_id=20,
        message_timeout="1s",
        max_connections_per_peer=5,
    ).start()
    steady = ForwardClient(HOST, daemon.forward_port, source=HOST)
    chunks = itertools.count()

    def is_served():
        chunk = f"s{next(chunks)}"
        steady.send(encode("t", records(3), "Forward", 0, chunk))
        return steady.acknowledged() == chunk

    bomb = [{"log": "0" * 1_000_000}]
    over = {
        "message_too_large": encode("t", bomb, "Forward", 0, "x"),
        "too_many_entries": encode("t", records(101), "Forward", 0, "x"),
        "chunk_id_too_long": encode("t", records(1), "Forward", 0, "x" * 30),
    }
    sent = ForwardClient(HOST, daemon.forward_port)
    for cause, message in over.items():
        sent.send(message)
        wait_until(lambda: refused(daemon).get(cause) == 1, f"{cause} is counted")
        assert is_served()
    for total, mode in enumerate(["gzip", "zstd"], 1):
        sent.send(encode("t", bomb, mode, 0, "x"))
        wait_until(lambda: refused(daemon).get("decompressed_too_large") == total, f"the bomb in {mode} is counted")
        assert is_served()
    # None of it was acknowledged, and the connection still works.
    sent.send(encode("t", records(1), "Forward", 0, "y"))
    assert sent.acknowledged() == "y"
    # A record that is too deep is left out; its neighbours are kept, and the chunk is acknowledged.
    deep = {"a": 1}
    for _ in range(300):
        deep = {"a": deep}
    sent.send(encode("t", [deep, *records(2)], "Forward", 0, "z"))
    assert sent.acknowledged() == "z"
    assert refused(daemon)["invalid_entry"] == 1
    # A byte now and then does not hold a connection.
    slow = ForwardClient(HOST, daemon.forward_port)
    started = time.monotonic()
    with pytest.raises(OSError):
        for byte in encode("t", bomb, "Forward", 0)[:2000]:
            slow.send(bytes([byte]))
            slow.stream.settimeout(0.05)
            try:
                if slow.stream.recv(1) == b"":
                    raise ConnectionError
            except TimeoutError:
                pass
    assert 0.9 < time.monotonic() - started < 10
    wait_until(lambda: refused(daemon).get("message_time") == 1, "the slow sender is counted")
    assert is_served()
    # Too many from one address.
    crowd = [ForwardClient(HOST, daemon.forward_port, source="127.0.0.7") for _ in range(5)]
    assert ForwardClient(HOST, daemon.forward_port, source="127.0.0.7").is_closed()
    assert refused(daemon)["connection_limit_of_peer"] == 1
    assert "sources.forward.max_connections_per_peer" in daemon.log
    assert is_served()
    for client in crowd:
        client.close()


def test_udp_heartbeats_are_answered_on_the_same_port(make_forward):
    daemon = make_forward().start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heart:
        heart.settimeout(10)
        for _ in range(3):
            heart.sendto(b"\0", (HOST, daemon.forward_port))
            answer, peer = heart.recvfrom(10)
            assert (answer, peer) == (b"\0", (HOST, daemon.forward_port))
    assert daemon.metric("tocsin_forward_heartbeats_total") == 3


# MARK: kill -9


class Shipper(threading.Thread):
    """Sends numbered chunks one after another and sends each again until it is acknowledged, as Fluentd does."""

    def __init__(self, daemon, number, chunks, mode):
        super().__init__(daemon=True)
        self.target, self.number, self.chunks, self.mode = daemon, number, chunks, mode
        self.acknowledged, self.attempts = 0, 0

    def run(self):
        client = None
        for index in range(self.chunks):
            lines = records(20, start=index * 20)
            message = encode("t", lines, self.mode, 0, f"{self.number}-{index}\n")
            while True:
                try:
                    client = client or ForwardClient(HOST, self.target.forward_port, timeout=10)
                    self.attempts += 1
                    client.send(message)
                    assert client.acknowledged() == f"{self.number}-{index}\n"
                    self.acknowledged += 1
                    break
                except OSError:
                    client = None
                    time.sleep(0.01)


def test_kill_9_loses_nothing_and_repeats_little(make_forward):
    """Counts equal those of the chunks; at most one batch for each of the two decoding threads and kill comes twice."""
    daemon = make_forward().start()
    shippers = [Shipper(daemon, number, 400, MODES[1 + number % 4]) for number in range(8)]
    for shipper in shippers:
        shipper.start()
    kills = 3
    for kill in range(1, kills + 1):
        wait_until(
            lambda: sum(shipper.acknowledged for shipper in shippers) > kill * 600,
            f"{kill * 600} chunks are acknowledged",
            60,
        )
        daemon.kill()
        daemon.start()
    for shipper in shippers:
        shipper.join(120)
        assert not shipper.is_alive()
    once = expected(records(20 * 400))
    counted = counts(daemon)
    twice = (sum(counted.values()) - 8 * sum(once.values())) / 20
    repeated = sum(shipper.attempts - shipper.acknowledged for shipper in shippers)
    print(f"{8 * 400} chunks, {kills} kills: {repeated} chunks sent again, {twice:g} counted twice")
    for status, count in once.items():
        assert counted[status] >= 8 * count, "nothing that was acknowledged is lost"
    assert 0 <= twice <= 2 * kills


def test_chunks_are_known_after_a_restart(make_forward):
    """An acknowledgement that got lost: the sender comes again after the restart, and nothing is counted twice."""
    daemon = make_forward().start()
    for start in (daemon.kill, daemon.stop, None):
        client = ForwardClient(HOST, daemon.forward_port)
        for index in range(100):
            client.send(encode("t", records(3), "PackedForward", 0, f"c{index}\n"))
            assert client.acknowledged() == f"c{index}\n"
        assert counts(daemon) == {status: 100.0 for status in STATUSES}
        if start:
            start()
            daemon.start()
    assert daemon.metric("tocsin_forward_repeated_chunks_total") == 100


# MARK: A crowd

CROWD = 10_000


def room_for_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < count + 500:
        pytest.skip(f"at most {hard} files may be open here (ulimit -Hn); {count + 500} are needed")


def peers():
    """Addresses of loopback, a thousand connections from each."""
    return [f"127.77.{number}.1" for number in range(1 + CROWD // 1000)]


def test_ten_thousand_idle_connections_on_the_forward_port(make_forward):
    room_for_descriptors(CROWD)
    daemon = make_forward(max_connections=CROWD).start()
    resident = daemon.metric("process_resident_memory_bytes")
    crowd = []
    try:
        for index in range(CROWD - 20):
            crowd.append(
                socket.create_connection((HOST, daemon.forward_port), 20, source_address=(peers()[index // 1000], 0))
            )
        wait_until(
            lambda: daemon.metric("tocsin_connections", listener="forward") == CROWD - 20, "all are accepted", 30
        )
        grown = daemon.metric("process_resident_memory_bytes") - resident
        print(f"forward: {grown / len(crowd):.0f} bytes for each of {len(crowd)} idle connections")
        assert grown / len(crowd) < 4096
        # Others are served as if nobody else were there.
        started = time.monotonic()
        client = ForwardClient(HOST, daemon.forward_port)
        client.send(encode("t", records(3), "Forward", 0, "c"))
        assert client.acknowledged() == "c"
        logger = sender.FluentSender("t", host=HOST, port=daemon.forward_port)
        assert logger.emit(None, records(1)[0])
        wait_until(lambda: sum(counts(daemon).values()) == 4, "fluent-logger's record is counted")
        assert daemon.get("/metrics").status == 200
        print(f"forward: served beside them in {time.monotonic() - started:.3f} s")
        # The limit: what is over it is closed at once and counted.
        while len(crowd) < CROWD - 2:
            crowd.append(
                socket.create_connection((HOST, daemon.forward_port), 20, source_address=(peers()[-1], 0))
            )
        wait_until(lambda: daemon.metric("tocsin_connections", listener="forward") == CROWD, "the port is full", 30)
        for total in (1, 2, 3):
            assert ForwardClient(HOST, daemon.forward_port).is_closed()
            wait_until(lambda: refused(daemon) == {"connection_limit": total}, "the one too many is counted")
        assert "sources.forward.max_connections" in daemon.log
        # Those who were there go on.
        client.send(encode("t", records(3), "Forward", 0, "d"))
        assert client.acknowledged() == "d"
        logger.close()
    finally:
        for connection in crowd:
            connection.close()
    wait_until(lambda: daemon.metric("tocsin_connections", listener="forward") <= 2, "the crowd is gone", 30)


def test_ten_thousand_idle_connections_on_the_http_port(make_forward):
    room_for_descriptors(CROWD)
    daemon = make_forward()
    configured = (daemon.folder / "tocsin.yaml").read_text()
    daemon.write("tocsin.yaml", configured.replace("server:\n", f"server:\n  max_connections: {CROWD}\n"))
    daemon.start()
    resident = daemon.metric("process_resident_memory_bytes")
    crowd = []
    try:
        # Each has asked once, so that it is a kept connection and may wait two minutes for its next request.
        for index in range(CROWD - 20):
            connection = socket.create_connection((HOST, daemon.port), 20, source_address=(peers()[index // 1000], 0))
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: tocsin\r\n\r\n")
            crowd.append(connection)
            if index % 500 == 0:
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        wait_until(lambda: (daemon.metric("tocsin_connections", listener="http") or 0) >= CROWD - 20, "all are in", 60)
        grown = daemon.metric("process_resident_memory_bytes") - resident
        print(f"http: {grown / len(crowd):.0f} bytes for each of {len(crowd)} idle connections")
        assert grown / len(crowd) < 8192
        started = time.monotonic()
        assert daemon.get("/metrics").status == 200
        client = ForwardClient(HOST, daemon.forward_port)
        client.send(encode("t", records(3), "Forward", 0, "c"))
        assert client.acknowledged() == "c"
        print(f"http: served beside them in {time.monotonic() - started:.3f} s")
        while len(crowd) < CROWD:
            crowd.append(socket.create_connection((HOST, daemon.port), 20, source_address=(peers()[-1], 0)))
        # One too many gets an answer that says so.
        with socket.create_connection((HOST, daemon.port), 20) as one_more:
            answer = b""
            while piece := one_more.recv(4096):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 503") and b"too many connections" in answer
    finally:
        for connection in crowd:
            connection.close()
    wait_until(lambda: daemon.get("/metrics").status == 200, "a scrape is served again", 30)
    assert daemon.metric("tocsin_http_refused_total", reason="connection_limit") >= 1
