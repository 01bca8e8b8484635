#!/usr/bin/env python3
"""Measures Taskreel, Dask and Ray side by side on this machine and prints a table of ratios.

    python3 benches/peers/compare.py [--quick] [--rounds N] [--only SYSTEM,…] [--json FILE]

Installs Dask and Ray into a virtual environment under target/ the first time (some 500 MB from PyPI), builds the
release binaries, and runs the systems in turn, round by round, so that a machine whose speed drifts is
fair to all; a figure is the median of the rounds. Every system has two workers of one thread each, as processes over TCP, and
Taskreel records. See README.md beside this file for what is measured, and how.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
RELEASE = os.path.join(TARGET, "release")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see that it runs")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system runs (3)")
    parser.add_argument("--only", default="taskreel,dask,ray", help="systems, with commas")
    parser.add_argument("--json", metavar="FILE", help="write every single figure there")
    options = parser.parse_args()
    python = prepare()
    systems = options.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(python, systems, options, folder)
    if options.json:
        with open(options.json, "w") as out:
            json.dump(figures, out, indent=1)
    print_table(figures, systems)


def prepare():
    """Builds our binaries and the peers' environment; the path of its Python."""
    call("cargo", "build", "--release", "--bin", "reel", "--example", "peers", cwd=ROOT)
    folder = os.path.join(TARGET, "peers")
    python = os.path.join(folder, "bin", "python")
    wanted = os.path.join(HERE, "requirements.txt")
    marker = os.path.join(folder, "installed.txt")
    if not os.path.exists(marker) or read(marker) != read(wanted):
        call(sys.executable, "-m", "venv", folder)
        call(python, "-m", "pip", "install", "--quiet", "-r", wanted)
        with open(marker, "w") as out:
            out.write(read(wanted))
    return python


def measure(python, systems, options, folder):
    graphs = os.path.join(folder, "graphs.json")
    quick = ["--quick"] if options.quick else []
    call(python, os.path.join(HERE, "graphs.py"), graphs, *quick)
    commands = {
        "taskreel": [os.path.join(RELEASE, "examples", "peers")],
        "dask": [python, os.path.join(HERE, "dask_work.py")],
        "ray": [python, os.path.join(HERE, "ray_work.py")],
    }
    figures = []
    for number in range(options.rounds):
        for system in systems:
            figures += lines(f"round {number + 1}", [*commands[system], graphs, *quick])
    for system in systems:
        figures += lines("saved runs", [*commands[system], "--save", folder])
    if "taskreel" in systems:
        figures += opening(os.path.join(folder, "taskreel.reel"))
    return figures


def opening(trace):
    """How long our own reader takes to open what we saved: all its facts, and the first picture of it."""
    reel = os.path.join(RELEASE, "reel")
    figures = []
    for case, args in {
        "trace, facts": ["info", trace],
        "trace, picture": ["render", trace, "-o", f"{trace}.svg"],
    }.items():
        begin = time.perf_counter()
        subprocess.run([reel, *args], check=True, stdout=subprocess.DEVNULL)
        figures.append({"system": "taskreel", "case": case, "tasks": 10_000, "seconds": time.perf_counter() - begin})
    return figures


def lines(step, command):
    """Runs a command and takes the figures that it prints, one JSON object a line."""
    print(f"{step}: {os.path.basename(command[-1 if len(command) < 3 else 0])} …", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def print_table(figures, systems):
    medians = {}
    for figure in figures:
        key = (figure["case"], figure["system"])
        medians.setdefault(key, []).append(figure)
    cases = list(dict.fromkeys(case for case, _ in medians))
    peers = [system for system in systems if system != "taskreel"]
    print(table_row(["case", *systems, *(f"{peer} ÷ taskreel" for peer in peers)]))
    print("|---|" + "---|" * (len(systems) + len(peers)))
    for case in cases:
        row(case, "seconds", "", systems, peers, medians, per_task)
    for case in cases:
        row(case, "scheduler_cpu", ", scheduler's CPU a task", systems, peers, medians, per_task)
    for case in cases:
        row(case, "bytes", ", bytes a task", systems, peers, medians, "{:.1f} B".format)


def row(case, field, suffix, systems, peers, medians, show):
    values = {}
    for system in systems:
        found = [f[field] / f["tasks"] for f in medians.get((case, system), []) if field in f]
        if found:
            values[system] = statistics.median(found)
    if not values:
        return
    cells = [show(values[system]) if system in values else "" for system in systems]
    ours = values.get("taskreel")
    ratios = [f"{values[peer] / ours:.1f} ×" if ours and peer in values else "" for peer in peers]
    print(table_row([f"{case}{suffix}", *cells, *ratios]))


def table_row(cells):
    return f"| {' | '.join(cells)} |"


def per_task(seconds):
    return f"{seconds * 1e6:.1f} µs"


def call(*command, **options):
    subprocess.run(command, check=True, stdout=sys.stderr, **options)


def read(path):
    with open(path) as file:
        return file.read()


if __name__ == "__main__":
    main()
