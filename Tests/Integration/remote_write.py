"""Prometheus remote write bodies, 1.0 and 2.0: the protobuf messages and the snappy block around them, by hand.

2.0 follows the published prompb/io/prometheus/write/v2/types.proto: Debian has no Prometheus that sends it.
"""

import struct

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

HEADERS_V2 = {
    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "2.0.0",
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


def message_v2(series):
    """A v2 Request of dicts: `labels` as a dict, `samples` as tuples of milliseconds, value and, perhaps, start timestamp.

    May also hold `created` (the start timestamp of release candidates before the fourth), `metadata` (type, help, unit),
    `histograms` and `exemplars` (how many), and `references` in place of labels.
    """
    symbols = {"": 0}

    def symbol(text):
        return symbols.setdefault(text, len(symbols))

    timeseries = bytearray()
    for one in series:
        references = one.get("references")
        if references is None:
            references = [symbol(text) for pair in sorted(one["labels"].items()) for text in pair]
        out = field(1, b"".join(varint(number) for number in references))
        for milliseconds, value, *start in one.get("samples", []):
            sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds)
            out += field(2, sample + (b"\x18" + varint(start[0]) if start else b""))
        out += field(3, b"\x78\x01") * one.get("histograms", 0)
        out += field(4, b"\x18\x01") * one.get("exemplars", 0)
        if "metadata" in one:
            kind, text, unit = one["metadata"]
            out += field(5, b"\x08" + varint(kind) + b"\x18" + varint(symbol(text)) + b"\x20" + varint(symbol(unit)))
        if "created" in one:
            out += b"\x30" + varint(one["created"])
        timeseries += field(5, out)
    return b"".join(field(4, text.encode()) for text in symbols) + bytes(timeseries)


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


def body_v2(series):
    return snappy(message_v2(series))
