"""Samples survive: `kill -9` under load, a restart on a torn log, another number of shards."""

import http.client
import pathlib
import random
import threading
import time

from harness import wait_until

SEED = 20250611
KILLS = 6
SERIES = 400


class Sender(threading.Thread):
    """Writes one sample of each of its series a round; remembers the newest that was acknowledged."""

    def __init__(self, tocsin, number):
        super().__init__()
        self.tocsin, self.number = tocsin, number
        self.acknowledged = {}
        self.stopping = threading.Event()
        self.refusals = []
        self.time = int(time.time() * 1000) - 600_000

    def run(self):
        while not self.stopping.is_set():
            self.time += 250
            value = float(self.time % 1_000_000)
            series = [
                ({"__name__": "kept", "sender": str(self.number), "i": str(i)}, [(self.time, value + i)])
                for i in range(SERIES)
            ]
            try:
                self.tocsin.write_samples(series)
                self.acknowledged[self.time] = value
            except (OSError, http.client.HTTPException):
                self.stopping.wait(0.02)  # it is down; what was not answered counts for nothing
            except AssertionError as answer:
                if " 503: " not in str(answer):
                    self.refusals.append(str(answer))
                self.stopping.wait(0.02)


def test_every_acknowledged_sample_is_there_after_kill(make_tocsin):
    dice = random.Random(SEED)
    tocsin = make_tocsin().start()
    senders = [Sender(tocsin, number) for number in range(2)]
    for sender in senders:
        sender.start()
    restarts = []
    try:
        for _ in range(KILLS):
            before = [len(sender.acknowledged) for sender in senders]
            wait_until(
                lambda: all(len(sender.acknowledged) > count + 3 for sender, count in zip(senders, before)),
                "both senders are answered",
                30,
            )
            threading.Event().wait(dice.uniform(0, 0.5))
            tocsin.kill()
            started = time.monotonic()
            tocsin.start()
            restarts.append(time.monotonic() - started)
    finally:
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join()
    assert [sender.refusals for sender in senders] == [[], []]
    total = 0
    for sender in senders:
        found = tocsin.query(f'kept{{sender="{sender.number}"}}[20m]', at=time.time() + 60)
        assert len(found) == SERIES
        for one in found:
            index = int(one["metric"]["i"])
            held = {round(float(at) * 1000): float(value) for at, value in one["values"]}
            for at, value in sender.acknowledged.items():
                assert held.get(at) == value + index, f"{one['metric']} at {at}"
                total += 1
    print(f"{KILLS} kills, {total} acknowledged samples, ready again after", *(f"{one:.3f} s" for one in restarts))


def test_a_torn_log_is_cut_and_said_so(make_tocsin):
    tocsin = make_tocsin().start()
    now = int(time.time() * 1000)
    for index in range(20):
        tocsin.write_samples([({"__name__": "torn"}, [(now - 20_000 + index * 1000, float(index))])])
    tocsin.kill()
    logs = sorted(pathlib.Path(tocsin.folder, "data", "samples").rglob("*.log"))
    last = max(logs, key=lambda path: path.stat().st_size)
    last.write_bytes(last.read_bytes()[:-5])
    tocsin.start()
    assert tocsin.value("count_over_time(torn[5m])") == 19
    assert "the torn end was cut off" in tocsin.log
    assert str(last.name) in tocsin.log
    assert "samples are back" in tocsin.log
    # And what comes now is kept.
    tocsin.write_samples([({"__name__": "torn"}, [(now, 20.0)])])
    tocsin.kill()
    tocsin.start()
    assert tocsin.value("count_over_time(torn[5m])") == 20


def test_damage_stops_the_start_and_says_how_to_go_on(make_tocsin):
    tocsin = make_tocsin().start()
    tocsin.write_samples([({"__name__": "m"}, [(int(time.time() * 1000), 1.0)])])
    tocsin.kill()
    identity = pathlib.Path(tocsin.folder, "data", "samples", "identity")
    whole = identity.read_bytes()
    identity.write_bytes(whole[:12] + bytes([9]) + whole[13:])
    try:
        tocsin.start(deadline=10)
    except AssertionError:
        pass
    assert "version 9" in tocsin.log and "move the folder away" in tocsin.log
    assert not tocsin.running.is_running
    identity.write_bytes(whole)
    tocsin.start()
    assert tocsin.value("m") == 1
