"""`kill -9` at random moments under load: every incident that was opened is delivered, each message under one id."""

import collections
import http.client
import random
import threading
import time

from harness import wait_until

SEED = 20240917
KILLS = 20

RULES = """
groups:
  - name: load
    interval: 1s
    thresholds:
      - alert: Overload
        expr: max by (target) (last_over_time(load[10m]))
        unit: count
        warn: "> 5"
        crit: "> 10"
        priority: {warn: P3, crit: P2}
"""


class Writer:
    """A sender that lives through the kills: all its targets again and again, a few new ones each time.

    What was not answered with 204 is sent again, as Prometheus does: also what came while a started Tocsin was still
    reading its samples back, which is answered with 503.
    """

    def __init__(self, tocsin, seed):
        self.tocsin, self.random = tocsin, random.Random(seed)
        self.values = {}
        self.refusals = []
        self.grows = True
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.writes = 0

    def run(self):
        while not self.stopping.is_set():
            if self.grows:
                for _ in range(self.random.randint(1, 3)):
                    # Some cross at once and some never; some are warn first and crit later.
                    self.values[f"target-{len(self.values):04}"] = self.random.choice([1.0, 7.0, 12.0])
                for target in self.random.sample(sorted(self.values), min(2, len(self.values))):
                    if self.values[target] == 7.0:
                        self.values[target] = 12.0
            now = int(time.time() * 1000)
            sent = dict(self.values)
            try:
                self.tocsin.write_samples(
                    [({"__name__": "load", "target": target}, [(now, value)]) for target, value in sent.items()]
                )
                self.writes += 1
            except (OSError, http.client.HTTPException):
                pass  # it is down; the next round sends everything again
            except AssertionError as answer:
                if "answered 503: the metric store is starting" not in str(answer):
                    self.refusals.append(str(answer))
            self.stopping.wait(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def test_every_incident_is_delivered_whenever_it_is_killed(make_pager, make_tocsin):
    dice = random.Random(SEED)
    lock = threading.Lock()

    def answer(delivery, index):
        # A pager under strain: some tries fail, all take their time, so that kills fall between try and record.
        with lock:
            luck, pause = dice.random(), dice.random() * 0.1
        time.sleep(pause)
        return 503 if luck < 0.1 else 204

    pager = make_pager(answer)
    tocsin = make_tocsin(rules=RULES, hook=pager.url).start()
    moments = random.Random(SEED + 1)
    seen, kills = set(), []
    with Writer(tocsin, SEED + 2) as writer:
        for _ in range(KILLS):
            # Not before it has taken something in, then at any moment of the next second and a half.
            before = writer.writes
            wait_until(lambda: writer.writes > before, "a write is taken", 20)
            threading.Event().wait(moments.uniform(0, 1.5))
            seen |= {one["id"] for one in tocsin.incidents()}
            kills.append(time.monotonic())
            tocsin.kill()
            tocsin.start()
        writer.grows = False
        over = {target for target, value in writer.values.items() if value > 5}
        wait_until(
            lambda: over <= {one["labels"].get("target") for one in tocsin.incidents()},
            "every target over its threshold has an incident",
            30,
        )
        wait_until(
            lambda: (rows := tocsin.deliveries()) and all(one["state"] == "delivered" for one in rows),
            "every message is delivered",
            60,
        )
        incidents = tocsin.incidents()
    assert writer.refusals == []
    assert len(over) > 100, "the load was worth the name"

    # No incident that was ever told of has gone; one for each label set, and none for what never crossed.
    identities = {one["id"] for one in incidents}
    assert seen <= identities
    targets = collections.Counter(one["labels"]["target"] for one in incidents)
    assert targets == {target: 1 for target in over}

    # The pager has taken exactly one opening message of each, and its raise where it got worse.
    got = pager.snapshot()
    assert [one.fault for one in got if one.fault] == []
    tries = collections.defaultdict(list)
    for one in got:
        tries[one.id].append(one)
    opened = collections.Counter(
        same[0].incident["id"]
        for same in tries.values()
        if same[0].kind == "incident.opened" and any(one.status == 204 for one in same)
    )
    assert opened == {incident: 1 for incident in identities}
    kinds = collections.Counter(same[0].kind for same in tries.values())
    assert set(kinds) == {"incident.opened", "incident.raised"}, kinds
    # One id for each message and one message for each id, over all tries and all restarts.
    assert {id_ for id_, same in tries.items() if len({one.body for one in same}) > 1} == set()
    assert {one["id"] for one in tocsin.deliveries()} == set(tries)

    # The kills fell where they hurt: between the tries of messages.
    survived = sum(any(same[0].at < kill < same[-1].at for kill in kills) for same in tries.values())
    print(
        f"{KILLS} kills, {writer.writes} writes, {len(incidents)} incidents, {len(tries)} messages, {len(got)} tries, "
        f"{survived} messages tried before a kill and again after it"
    )
    assert survived > 0
