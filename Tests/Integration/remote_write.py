"""Prometheus remote write 1.0 bodies: the protobuf message and the snappy block around it, by hand."""

import struct

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def message(series):
    """A WriteRequest of pairs: labels as a dict, samples as pairs of milliseconds and value."""
    request = bytearray()
    for labels, samples in series:
        one = b"".join(
            field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(labels.items())
        )
        for milliseconds, value in samples:
            one += field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds))
        request += field(1, one)
    return bytes(request)


def snappy(data):
    """A snappy block of literals only: valid, if not small."""
    out = bytearray(varint(len(data)))
    for start in range(0, len(data), 65536):
        piece = data[start : start + 65536]
        if len(piece) <= 60:
            out.append(len(piece) - 1 << 2)
        else:
            out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1)
        out += piece
    return bytes(out)


def body(series):
    return snappy(message(series))
