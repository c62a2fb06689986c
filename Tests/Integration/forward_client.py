"""A client of the Fluent forward protocol of the tests' own: every mode, handshake, users, TLS, acknowledgements.

It shares nothing with Tocsin: MessagePack by `msgpack`, digests by `hashlib`, TLS by `ssl`, zstd by `zstandard`.
"""

import gzip
import hashlib
import os
import socket
import ssl
import struct
import subprocess

import msgpack
import zstandard


class Refused(Exception):
    """The server's PONG said no, with its reason."""


def event_time(seconds, nanoseconds=0):
    return msgpack.ExtType(0, struct.pack(">II", seconds, nanoseconds))


def entries(records, moment):
    return b"".join(msgpack.packb([moment, record]) for record in records)


def encode(tag, records, mode, moment, chunk=None):
    """A message in one of the protocol's modes; `Message` gives one for each record."""
    option = {"size": len(records), **({"chunk": chunk} if chunk is not None else {})}
    if mode == "Message":
        options = [
            {"chunk": f"{chunk}-{index}"} if chunk is not None else {} for index in range(len(records))
        ]
        return b"".join(msgpack.packb([tag, moment, record, one]) for record, one in zip(records, options))
    if mode == "Forward":
        return msgpack.packb([tag, [[moment, record] for record in records], option])
    packed = entries(records, moment)
    if mode == "PackedForward":
        return msgpack.packb([tag, packed, option])
    if mode == "gzip":
        # Two members, as a sender has them that adds to a compressed buffer.
        half = len(packed) // 2
        packed = gzip.compress(packed[:half]) + gzip.compress(packed[half:])
    elif mode == "zstd":
        packed = zstandard.ZstdCompressor().compress(packed)
    else:
        raise ValueError(mode)
    return msgpack.packb([tag, packed, {**option, "compressed": mode}])


class ForwardClient:
    def __init__(self, host, port, key=None, user=b"", password=b"", tls=None, name=b"shipper", source=None, timeout=20):
        self.name, self.key, self.user, self.password = name, key, user, password
        self.unpacker = msgpack.Unpacker(raw=True)
        self.stream = socket.create_connection(
            (host, port), timeout=timeout, source_address=(source, 0) if source else None
        )
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.stream = tls.wrap_socket(self.stream, server_hostname="localhost")
        self.ping = None
        if key is not None:
            self.shake_hands()

    def shake_hands(self):
        word, options = self.next()
        assert word == b"HELO", word
        self.helo = options
        # 16 raw bytes in a str, as Fluent Bit sends them.
        salt = os.urandom(16)
        digest = hashlib.sha512(salt + self.name + options[b"nonce"] + self.key).hexdigest()
        login = hashlib.sha512(options[b"auth"] + self.user + self.password).hexdigest()
        raw_salt = bytes([0xA0 | len(salt)]) + salt
        self.ping = (
            b"\x96"
            + msgpack.packb("PING")
            + msgpack.packb(self.name.decode())
            + raw_salt
            + msgpack.packb(digest)
            + msgpack.packb(self.user.decode())
            + msgpack.packb(login)
        )
        self.send(self.ping)
        self.judge_pong(salt, options[b"nonce"])

    def judge_pong(self, salt, nonce):
        word, accepted, reason, host, proof = self.next()
        assert word == b"PONG", word
        if not accepted:
            raise Refused(reason.decode())
        # The server proves that it knows the key too.
        assert proof.decode() == hashlib.sha512(salt + host + nonce + self.key).hexdigest()

    def send(self, data):
        self.stream.sendall(data)

    def next(self):
        """The next message of the server."""
        while True:
            for message in self.unpacker:
                return message
            piece = self.stream.recv(65536)
            if not piece:
                raise ConnectionError("the server closed the connection")
            self.unpacker.feed(piece)

    def acknowledged(self):
        return self.next()[b"ack"].decode()

    def is_closed(self):
        """Whether the server ends the connection, within the timeout."""
        try:
            return self.stream.recv(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.stream.close()


class Certificates:
    """An authority of the test's own, and certificates that it signed."""

    def __init__(self, folder):
        self.folder = folder
        self.make("ca", "/CN=test authority", [])

    def path(self, name):
        return str(self.folder / name)

    def make(self, name, subject, signed_by):
        extension = ["-addext", "basicConstraints=CA:TRUE"] if name == "ca" else []
        names = [] if name == "ca" else ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            + ["-subj", subject, "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem")]
            + extension
            + names
            + signed_by,
            check=True,
            capture_output=True,
        )

    def issue(self, name):
        self.make(name, f"/CN={name}", ["-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key")])

    def context(self, certificate=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        return context
