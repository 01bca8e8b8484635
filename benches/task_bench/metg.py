#!/usr/bin/env python3
"""METG(50 %) of Taskreel, embedded and over TCP, and of Dask, in one run on this machine.

    python3 benches/task_bench/metg.py [--patterns P,…] [--no-dask] [-o PICTURE.svg] [--steps N] [--width N] [--radix N]

Prints a table and writes the picture of efficiency against granularity.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "peers"))

from compare import RELEASE, ROOT, call, prepare


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", default="stencil_1d,nearest,spread")
    parser.add_argument("--no-dask", action="store_true")
    parser.add_argument("-o", "--output", default="efficiency.svg", help="the picture")
    parser.add_argument("--steps", default="100")
    parser.add_argument("--width", default="8")
    parser.add_argument("--radix", default="5")
    options = parser.parse_args()
    call("cargo", "build", "--release", "--example", "task_bench", cwd=ROOT)
    task_bench = os.path.join(RELEASE, "examples", "task_bench")
    graph = ["--steps", options.steps, "--width", options.width, "--radix", options.radix]
    run = [task_bench, "run", "--patterns", options.patterns, *graph]
    commands = [run, [*run, "--processes"]]
    if not options.no_dask:
        commands.append([prepare(), os.path.join(HERE, "dask_metg.py"), task_bench, options.patterns, *graph])
    lines = ""
    for command in commands:
        print(" ".join(command), file=sys.stderr, flush=True)
        lines += subprocess.check_output(command, text=True)
    subprocess.run([task_bench, "report", options.output], input=lines, text=True, check=True)


if __name__ == "__main__":
    main()
