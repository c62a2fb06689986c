"""The table: medians [lowest..highest] n of each metric, side by side, with the ratios."""
import json
import statistics

import targets

SERVERS = ["prometheus", "victoria", "ours"]


def short(value):
    if value is None:
        return "-"
    for limit, letter in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e6 if letter == 'M' else 1e3):.3g}{letter}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(values):
    if not values:
        return "-"
    middle = short(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} [{short(min(values))}..{short(max(values))}] {len(values)}"


def ratio(above, below):
    return "-" if not above or not below else f"{above / below:.2g}x" if above / below < 100 else f"{above / below:.0f}x"


def verdict(metric, value):
    if value is None or metric.must is None:
        return ""
    reaches = (lambda goal: value >= goal) if metric.more_is_better else (lambda goal: value <= goal)
    if metric.moonshot is not None and reaches(metric.moonshot):
        return "moonshot"
    return "met" if reaches(metric.must) else "MISSED"


def table(rows, others_max=0.1):
    """Lines of text. `others` is the highest share of a core that anything else used in a measurement of the row."""
    values, others, loads = {}, {}, {}
    for row in rows:
        values.setdefault((row["metric"], row["server"]), []).append(row["value"])
        if row.get("others") is not None:
            others[row["metric"]] = max(others.get(row["metric"], 0), row["others"])
        loads[row["metric"]] = max(loads.get(row["metric"], 0), row["load"])
    head = ("metric", "Prometheus (before)", "VictoriaMetrics (before)", "ours", "must", "moonshot", "ours/must",
            "peers/ours", "", "load", "others")
    lines = [head]
    noisy = False
    for metric in targets.METRICS:
        keys = {server: (metric.key, server) for server in SERVERS}
        if not any(key in values for key in keys.values()):
            continue
        found = {}
        for server, key in keys.items():
            if server != "ours" and key not in values:
                key = (targets.PEERS_OF.get(metric.key), server)
            found[server] = [value for value in values.get(key, []) if value is not None]
        medians = {server: statistics.median(each) if each else None for server, each in found.items()}
        ours = medians["ours"]
        peers = [medians[server] for server in SERVERS[:2]]
        compared = [ratio(ours, peer) if metric.more_is_better else ratio(peer, ours) for peer in peers]
        share = others.get(metric.key)
        noisy = noisy or (share or 0) > others_max
        lines.append((
            f"{metric.title} ({metric.unit})",
            f"{spread(found['prometheus'])} ({metric.prometheus})", f"{spread(found['victoria'])} ({metric.victoria})",
            spread(found["ours"]), short(metric.must), short(metric.moonshot),
            ratio(ours, metric.must), " ".join(compared), verdict(metric, ours),
            f"{loads[metric.key]:.1f}", "-" if share is None else f"{share:.2f}" + ("!" if share > others_max else "")))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    text.insert(1, "-" * len(text[0]))
    text.append("")
    text.append("Medians [lowest..highest] count; (before): as published; peers/ours: how many times better ours is, Prometheus first.")
    if noisy:
        text.append(f"!: something else used more than {others_max} of a core meanwhile; do not quote wall-clock figures of such rows.")
    return text


def answers(rows):
    """Queries for which ours gave another number of series than Prometheus."""
    counts = {}
    for row in rows:
        if "series" in row and "query" in row:
            counts.setdefault(row["query"], {})[row["server"]] = row["series"]
    return [f"{query}: {found['ours']} series, Prometheus {found['prometheus']}" for query, found in counts.items()
            if "ours" in found and "prometheus" in found and found["ours"] != found["prometheus"]]


def read(path):
    return [json.loads(line) for line in open(path)]
