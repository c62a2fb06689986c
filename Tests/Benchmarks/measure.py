"""What a span of time cost: CPU of the server, of the client, and of everything else on the machine."""
import json
import os
import platform
import resource
import time

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1
SERVER_CORE, CLIENT_CORE = 0, CORES - 1


def cpu_of(pid):
    """CPU seconds that the kernel has charged to a process, all threads together."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid):
    """Resident bytes of a process: now, and those of them that no file backs."""
    found = {}
    for line in open(f"/proc/{pid}/status"):
        key, _, value = line.partition(":")
        if key in ("VmRSS", "RssAnon", "VmHWM"):
            found[key] = int(value.split()[0]) * 1024
    return found


def machine_cpu():
    """Seconds that all cores were busy, and that the hypervisor gave to others."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TICKS, fields[7] / TICKS


def available_memory():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    return 0


def own_cpu():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Span:
    """Measures from `with` to its end; `others` is how many cores were used by neither server nor client."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.machine, self.stolen = machine_cpu()
        self.server_cpu, self.client_cpu = self.server.cpu(), own_cpu()
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        busy, stolen = machine_cpu()
        self.server_cpu = self.server.cpu() - self.server_cpu
        self.client_cpu = own_cpu() - self.client_cpu
        used = self.server_cpu + self.client_cpu
        self.others = max(0.0, (busy - self.machine - used) / self.seconds)
        self.steal = (stolen - self.stolen) / self.seconds


def wait_until_quiet(seconds_max):
    """Waits until less than a fifth of a core is used, at most `seconds_max`."""
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        busy = machine_cpu()[0]
        time.sleep(0.5)
        if (machine_cpu()[0] - busy) / 0.5 < 0.2:
            return


class Recorder:
    """Writes one line of JSON for each value and keeps all of them for the table."""

    def __init__(self, path):
        self.path, self.rows = path, []
        open(path, "w").close()

    def add(self, metric, server, value, span=None, **more):
        # The kernel counts in hundredths of a second: of a short span they say nothing.
        if span and span.seconds < 0.5:
            span = None
        row = {
            "metric": metric, "server": server.name if hasattr(server, "name") else server, "value": value,
            "at": round(time.time()), "load": round(os.getloadavg()[0], 2),
            "others": round(span.others, 3) if span else None, "steal": round(span.steal, 3) if span else None,
            **more,
        }
        self.rows.append(row)
        with open(self.path, "a") as file:
            file.write(json.dumps(row) + "\n")
        shown = f"{value:.4g}" if isinstance(value, float) else value
        print(f"    {row['server']:<12} {metric:<34} {shown}", flush=True)


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    gigabytes = int(open("/proc/meminfo").readline().split()[1]) / 2**20
    return f"{model}, {CORES} cores, {gigabytes:.0f} GiB, Linux {platform.release()}, load {os.getloadavg()[0]:.2f}"
