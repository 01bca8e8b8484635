#!/usr/bin/env python3
"""Counts the instructions of the hot paths and holds them against their budget.

    python3 benches/instructions/check.py           fails where a path costs more than 10 % beyond its budget
    python3 benches/instructions/check.py --bless   writes what was counted into budget.json

Needs valgrind. Counts do not depend on how busy a machine is, as times do; they do depend on the compiler, so the budget
names its own, and with another one a path over its budget is told of and not failed.
"""

import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
PROGRAM = os.path.join(TARGET, "release", "examples", "hot_paths")
BUDGET = os.path.join(HERE, "budget.json")
TASKS = 5_000
ROOM = 1.10

PATHS = {
    "schedule": "a task, from its submission to its end: decide, place, apply, effects, simulated workers",
    "fold": "an event through State::apply",
    "append": "an event through the recorder, to the closed file",
    "read": "an event out of a file",
    "plots": "an event through State::apply and all plots",
    "figure": "a picture of the task stream, 1000 × 600",
}


def main():
    build = ["cargo", "build", "--quiet", "--release", "-p", "taskreel-replay", "--example", "hot_paths"]
    subprocess.run(build, cwd=ROOT, check=True)
    compiler = subprocess.check_output(["rustc", "--version"], text=True).strip()
    counted = {path: count(path) for path in PATHS}
    if "--bless" in sys.argv:
        with open(BUDGET, "w") as out:
            json.dump({"compiler": compiler, "instructions": counted}, out, indent=2)
            out.write("\n")
        return
    with open(BUDGET) as file:
        budget = json.load(file)
    over = []
    for path, what in PATHS.items():
        allowed = budget["instructions"][path]
        ratio = counted[path] / allowed
        print(f"{path:<9} {counted[path]:>12,} instructions, budget {allowed:>12,}, {ratio:4.2f} × — {what}")
        if ratio > ROOM:
            over.append(path)
    if over and compiler != budget["compiler"]:
        print(f"over budget with {compiler}, which is not that of the budget: {', '.join(over)}")
    elif over:
        sys.exit(f"over budget: {', '.join(over)}. Find out why, or run this with --bless and say why in the commit.")


def count(path):
    """Instructions of one unit: those of three times less those of one time, so that what is done once is left out."""
    (once, units), (thrice, _) = run(path, 1), run(path, 3)
    return (thrice - once) // 2 // units


def run(path, times):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, path, str(TASKS), str(times)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return int(found.group(1)), int(done.stdout)


if __name__ == "__main__":
    main()
