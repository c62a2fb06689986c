"""Random series and random PromQL over them, from a seed.

All that is asked means the same to Prometheus 2.42 and 3: samples lie on multiples of 15 s, evaluation times and
the edges of every window lie 7 or 8 s beside them, so that it does not matter whether a window is open on the left;
counters have no gaps, since 2.x and 3.x extrapolate over one differently; nothing is asked that 3.x renamed or changed.
"""

import math
import random

TICK = 15
TICKS = 120
BESIDE = 7  # seconds that evaluation times lie beside the samples


class Series:
    """Labels, and one value a tick; None where there is no sample."""

    def __init__(self, name, labels, values):
        self.name = name
        self.labels = labels
        self.values = values

    @property
    def text(self):
        pairs = ",".join(f'{key}="{value}"' for key, value in self.labels.items())
        return f"{self.name}{{{pairs}}}"

    def notation(self):
        return " ".join("_" if value is None else number(value) for value in self.values)

    def exposition(self):
        for tick, value in enumerate(self.values):
            if value is not None:
                yield f"{self.text} {number(value)} {tick * TICK}"


def number(value):
    if math.isnan(value):
        return "NaN"
    return repr(value)


def make_series(seed):
    """The series of a seed: counters, gauges with gaps, a classic histogram."""
    dice = random.Random(seed)
    series = []

    def counter(name, labels, late=False):
        value = float(dice.randrange(5000, 90000))
        values = []
        start = dice.randrange(10, 40) if late else 0
        for tick in range(TICKS):
            if dice.random() < 0.02:
                value = 0.0
            else:
                value += dice.randrange(0, 400) / 8
            values.append(None if tick < start else value)
        series.append(Series(name, labels, values))

    def gauge(name, labels, odd=False):
        value = dice.uniform(-50, 50)
        values = []
        gap = 0
        last = TICKS if dice.random() < 0.7 else dice.randrange(30, TICKS)
        for tick in range(TICKS):
            value = round(8 * (value + dice.uniform(-9, 9.5))) / 8 + dice.randrange(0, 1000) / 1e5
            if gap == 0 and dice.random() < 0.05:
                gap = dice.randrange(1, 5)
            if gap > 0 or tick >= last:
                gap = max(0, gap - 1)
                values.append(None)
            else:
                values.append(math.nan if odd and dice.random() < 0.1 else value)
        series.append(Series(name, labels, values))

    for job in ("api", "web", "db"):
        for instance in ("a:1", "b:2", "c:10"):
            for code in ("200", "500"):
                if dice.random() < 0.85:
                    counter("c_total", {"code": code, "instance": instance, "job": job}, dice.random() < 0.2)
            if dice.random() < 0.9:
                gauge("g", {"instance": instance, "job": job})
            if dice.random() < 0.8:
                gauge("k", {"instance": instance, "job": job, "zone": dice.choice(["x", "y"])}, odd=True)
        gauge("one", {"job": job, "team": dice.choice(["red", "blue", "blue green"])})
        counter("d_total", {"job": job})
        totals = [5000.0 + 100 * place for place in range(5)]
        rows = [[] for _ in totals]
        for _ in range(TICKS):
            grown = [dice.randrange(0, 30) for _ in totals]
            below = 0
            for place, more in enumerate(grown):
                below += more
                totals[place] += below
                rows[place].append(totals[place])
        for bound, row in zip(("0.1", "0.5", "1", "5", "+Inf"), rows):
            series.append(Series("lat_bucket", {"job": job, "le": bound}, row))
    return series


class Generator:
    """Expressions of bounded depth; `inner` is true within a subquery, where steps lie on the samples."""

    def __init__(self, seed):
        self.dice = random.Random(seed)

    def pick(self, *choices):
        return self.dice.choice(choices)

    # Parts

    def duration(self, most=20):
        seconds = TICK * self.dice.randrange(4, most)
        return f"{seconds}s" if self.dice.random() < 0.5 or seconds % 60 else f"{seconds // 60}m"

    def modifiers(self, inner):
        text = ""
        shift = BESIDE if inner else 0
        if self.dice.random() < 0.2:
            shift += TICK * self.dice.randrange(-4, 12)
        if shift:
            text = f" offset {'-' if shift < 0 else ''}{abs(shift)}s"
        chance = self.dice.random()
        if chance < 0.06:
            at = TICK * self.dice.randrange(20, 110) + BESIDE
            # @ fixes the time itself, beside the samples already.
            text = f" @ {at}" + (f" offset {TICK * self.dice.randrange(1, 9)}s" if self.dice.random() < 0.3 else "")
        elif chance < 0.09:
            text = self.pick(" @ start()", " @ end()")
        return text

    def matchers(self, name):
        labels = {
            "c_total": ["job", "instance", "code"], "g": ["job", "instance"], "k": ["job", "instance", "zone"],
            "one": ["job", "team"], "d_total": ["job"], "lat_bucket": ["job"],
        }[name]
        values = {
            "job": ["api", "web", "db"], "instance": ["a:1", "b:2", "c:10"], "code": ["200", "500"],
            "zone": ["x", "y"], "team": ["red", "blue"],
        }
        parts = []
        for label in labels:
            if self.dice.random() < 0.2:
                operator = self.pick("=", "!=", "=~", "!~")
                value = self.dice.choice(values[label])
                if operator in ("=~", "!~"):
                    value = self.pick(value, f"{value}|nothing", ".*", ".+", f"{value[0]}.*", "")
                parts.append(f'{label}{operator}"{value}"')
        return "{" + ",".join(parts) + "}" if parts else ""

    def metric(self, names):
        if "c_total" in names and self.dice.random() < 0.1:
            # Two metrics at once, whose series may have equal labels but for the name.
            both = self.pick("one|c_total", "g|c_total", "g|k") if "g" in names else "[cd]_total"
            job = self.pick("", "", ',job="api"', ',job!="web"')
            return f'{{__name__=~"{both}"{job}}}'
        name = self.dice.choice(names)
        return f"{name}{self.matchers(name)}"

    def selector(self, names, inner):
        return f"{self.metric(names)}{self.modifiers(inner)}"

    def window(self, names, inner, most=20):
        return f"{self.metric(names)}[{self.duration(most)}]{self.modifiers(inner)}"

    def ranged(self, depth, inner, names=("g", "k", "one", "c_total")):
        if depth > 0 and not inner and self.dice.random() < 0.3:
            step = self.pick("30s", "45s", "1m", "10s", "")
            tail = f" offset {TICK * self.dice.randrange(1, 9)}s" if self.dice.random() < 0.2 else ""
            return f"{self.simple(depth - 1, True)}[{TICK * self.dice.randrange(12, 40)}s:{step}]{tail}"
        return self.window(names, inner)

    # Values

    def scalar(self, depth, inner):
        chance = self.dice.random()
        if depth <= 0 or chance < 0.5:
            return self.pick("0", "1", "2", "-1", "0.5", "10", "1e3", "3.25", "Inf", "-7", "100")
        if chance < 0.65:
            return f"scalar({self.vector(depth - 1, inner)})"
        if chance < 0.8:
            return self.pick("time()", "pi()")
        operator = self.pick("+", "-", "*", "/", "%", "^", "atan2", "== bool", "> bool", "<= bool", "!= bool")
        return f"({self.scalar(depth - 1, inner)} {operator} {self.scalar(depth - 1, inner)})"

    def simple(self, depth, inner):
        """A vector whose text may stand before brackets."""
        chance = self.dice.random()
        if chance < 0.5:
            name = self.dice.choice(["g", "one", "c_total", "d_total"])
            # Modifiers after the brackets are the subquery's.
            return f"({name}{self.matchers(name)}{self.modifiers(inner)})"
        if chance < 0.8:
            return f"rate({self.window(['c_total', 'd_total'], inner)})"
        return f"({self.vector(depth, inner)})"

    def vector(self, depth, inner=False):
        if depth <= 0:
            return self.selector(["g", "k", "one", "c_total", "d_total"], inner)
        kind = self.dice.choice([
            self.call, self.call, self.over_time, self.over_time, self.counter, self.aggregate, self.aggregate,
            self.with_scalar, self.with_vector, self.with_vector, self.with_set, self.labels, self.histogram, self.odd,
        ])
        return kind(depth - 1, inner)

    def call(self, depth, inner):
        chance = self.dice.random()
        if chance < 0.75:
            function = self.pick(
                "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "asin", "acos",
                "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad", "round", "timestamp", "minute",
                "hour", "month", "year", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "sort", "sort_desc",
            )
            return f"{function}({self.vector(depth, inner)})"
        if chance < 0.85:
            return f"round({self.vector(depth, inner)}, {self.pick('0.5', '5', '10', '0.1', '3')})"
        if chance < 0.95:
            function = self.pick("clamp_min", "clamp_max")
            return f"{function}({self.vector(depth, inner)}, {self.scalar(depth, inner)})"
        return f"clamp({self.vector(depth, inner)}, {self.scalar(depth, inner)}, {self.scalar(depth, inner)})"

    def over_time(self, depth, inner):
        chance = self.dice.random()
        if chance < 0.7:
            function = self.pick(
                "avg_over_time", "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
                "stddev_over_time", "stdvar_over_time", "present_over_time", "changes", "delta", "idelta", "deriv",
                "resets", "absent_over_time",
            )
            return f"{function}({self.ranged(depth, inner)})"
        if chance < 0.85:
            return f"quantile_over_time({self.pick('0', '0.3', '0.5', '0.99', '1', '-1', '2')}, {self.ranged(depth, inner)})"
        # With @, 2.x reads another window at each step.
        window = self.ranged(depth, inner, ("g", "c_total")).split(" @ ")[0]
        return f"predict_linear({window}, {self.pick('60', '600', '-30')})"

    def counter(self, depth, inner):
        function = self.pick("rate", "increase", "irate", "resets")
        return f"{function}({self.window(['c_total', 'd_total', 'lat_bucket'], inner)})"

    def grouping(self):
        chance = self.dice.random()
        if chance < 0.3:
            return ""
        names = self.dice.sample(["job", "instance", "code", "zone", "team", "missing"], self.dice.randrange(0, 4))
        return f" {self.pick('by', 'without')} ({', '.join(names)}) "

    def aggregate(self, depth, inner):
        chance = self.dice.random()
        if chance < 0.7:
            if self.dice.random() < 0.2:
                # Of values that are numbers: 3.x answers NaN for a group of one NaN or infinity.
                return f"{self.pick('stddev', 'stdvar')}{self.grouping()}({self.selector(['g', 'one', 'c_total'], inner)})"
            function = self.pick("sum", "avg", "min", "max", "count", "group")
            return f"{function}{self.grouping()}({self.vector(depth, inner)})"
        if chance < 0.8:
            return f"quantile{self.grouping()}({self.pick('0', '0.25', '0.9', '1', '-2', '3')}, {self.vector(depth, inner)})"
        if chance < 0.95:
            # Over values that do not tie: which of equals is taken is not said.
            function = self.pick("topk", "bottomk")
            return f"{function}{self.grouping()}({self.pick('1', '2', '3', '0')}, {self.selector(['g', 'one'], inner)})"
        return f'count_values{self.grouping()}("value", {self.selector(["g", "one"], inner)})'

    def with_scalar(self, depth, inner):
        operator = self.pick(
            # Not atan2: with a scalar, 2.x keeps the name.
            "+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool", "<= bool",
        )
        left, right = self.vector(depth, inner), self.scalar(depth, inner)
        if self.dice.random() < 0.3:
            left, right = right, left
        text = f"{self.wrapped(left)} {operator} {self.wrapped(right)}"
        return text

    def wrapped(self, text):
        """With parentheses, or now and then without, so that precedence counts."""
        return text if self.dice.random() < 0.35 else f"({text})"

    def matching(self):
        chance = self.dice.random()
        if chance < 0.25:
            return ""
        names = self.dice.sample(["job", "instance", "code", "zone", "team"], self.dice.randrange(0, 4))
        text = f"{self.pick('on', 'on', 'ignoring')}({', '.join(names)})"
        if self.dice.random() < 0.35:
            free = [name for name in ("zone", "team", "missing") if name not in names]
            more = self.dice.sample(free, self.dice.randrange(0, min(2, len(free)) + 1))
            text += f" {self.pick('group_left', 'group_right')}({', '.join(more)})"
        return text

    def with_vector(self, depth, inner):
        operator = self.pick("+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "> bool", "!= bool")
        if self.dice.random() < 0.4:
            # Pairs that do match.
            by = self.pick("job", "job, instance")
            left = f"sum by ({by}) ({self.vector(depth, inner)})"
            right = f"avg by ({by}) ({self.vector(depth, inner)})"
            # Not %, which jumps where a mean rounds; atan2 of series without a name, since 2.x keeps it.
            operator = operator.replace("%", "-")
            return f"{left} {self.pick(operator, operator, 'atan2')} {right}"
        left, right = self.wrapped(self.vector(depth, inner)), self.wrapped(self.vector(depth, inner))
        return f"{left} {operator} {self.matching()} {right}"

    def with_set(self, depth, inner):
        operator = self.pick("and", "or", "unless")
        names = self.dice.sample(["job", "instance", "code"], self.dice.randrange(0, 3))
        matching = "" if self.dice.random() < 0.4 else f"{self.pick('on', 'ignoring')}({', '.join(names)})"
        left, right = self.wrapped(self.vector(depth, inner)), self.wrapped(self.vector(depth, inner))
        return f"{left} {operator} {matching} {right}"

    def labels(self, depth, inner):
        inside = self.vector(depth, inner)
        if self.dice.random() < 0.5:
            target = self.pick("new", "job", "instance", "zone")
            template = self.pick("$1", "x-$1-${1}y", "", "$0", "$$1", "$2", "${name}")
            pattern = self.pick("(.*)", "(.+):(.*)", "(?P<name>[a-z])(.*)", "a.*", "", "nothing")
            source = self.pick("job", "instance", "code", "missing")
            return f'label_replace({inside}, "{target}", "{template}", "{source}", "{pattern}")'
        return f'label_join({inside}, "{self.pick("new", "job")}", "{self.pick("-", "")}", "job", "instance")'

    def histogram(self, depth, inner):
        q = self.pick("0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "1.5")
        inside = f"rate({self.window(['lat_bucket'], inner)})"
        if self.dice.random() < 0.5:
            inside = f"sum by (le{self.pick('', ', job')}) ({inside})"
        return f"histogram_quantile({q}, {inside})"

    def odd(self, depth, inner):
        chance = self.dice.random()
        if chance < 0.25:
            return f"absent({self.vector(depth, inner)})"
        if chance < 0.5:
            return f"vector({self.scalar(depth, inner)})"
        if chance < 0.8:
            return f"-{self.vector(depth, inner)}"
        return f"{self.pick('hour', 'minute', 'day_of_week', 'year')}()"


def make_cases(seed, count):
    """`count` questions: an expression at a moment, or over a range of them."""
    generator = Generator(seed)
    dice = generator.dice
    cases = []
    for index in range(count):
        depth = dice.choice([1, 2, 2, 3, 3, 4])
        text = generator.scalar(depth, False) if dice.random() < 0.05 else generator.vector(depth)
        case = {"id": f"{seed}-{index}", "env": "all", "expr": text}
        start = TICK * dice.randrange(20, TICKS - 2) + BESIDE
        if dice.random() < 0.7:
            case["at"] = str(start)
        else:
            step = TICK * dice.choice([1, 2, 3, 4, 10])
            end = start + step * dice.randrange(0, 12)
            case["range"] = {"start": str(start), "end": str(end), "step": str(step)}
        cases.append(case)
    return cases
