"""The cases, run on one system: each prints a line of JSON with what it took.

A system is an object with `map(n)` (submit n independent tasks and wait for all), `graph(graph)` (run a graph of
graphs.py to its end), `chain(n)` (n tasks, each taking the one before, and wait for the last), `one(i)` (submit one task and
wait for its result) and `scheduler_cpu()` (CPU seconds that its scheduler has used so far).
"""

import json
import os
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


def work(ms, size, *inputs):
    """What every task does, on every system: computes for some milliseconds and returns some bytes."""
    if ms:
        end = time.perf_counter() + ms / 1000
        while time.perf_counter() < end:
            pass
    return bytes(size)


def cpu_of(pids):
    """CPU seconds, user and system, that processes have used."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def run(system, name):
    """Runs what the command line asks for: `GRAPHS.json [--quick]`."""
    with open(sys.argv[1]) as file:
        graphs = json.load(file)
    quick = "--quick" in sys.argv
    system.map(100)  # imports, connections and thread pools are not what is measured

    def case(label, tasks, call):
        cpu, begin = system.scheduler_cpu(), time.perf_counter()
        call()
        seconds = time.perf_counter() - begin
        cpu = system.scheduler_cpu() - cpu
        report(name, label, tasks=tasks, seconds=seconds, scheduler_cpu=cpu)

    for n in (1_000,) if quick else (1_000, 10_000, 100_000):
        case(f"map-{n}", n, lambda: system.map(n))
    for label, graph in graphs.items():
        case(label, len(graph["inputs"]), lambda: system.graph(graph))
    case("chain", 300, lambda: system.chain(300))
    times = []
    for i in range(200):
        begin = time.perf_counter()
        system.one(i)
        times.append(time.perf_counter() - begin)
    times.sort()
    report(name, "submit-to-result", tasks=1, seconds=times[len(times) // 2])


def report(system, case, **figures):
    print(json.dumps({"system": system, "case": case, **figures}), flush=True)
