"""Runs Task Bench's patterns on Dask: `dask_metg.py TASK_BENCH PATTERN,… [graph options]` prints what `task_bench run` prints.

The edges come from `task_bench graph`; the check of inputs and the definition of efficiency are the same. The kernel is numpy's, and the
peak is what it reaches alone on as many processes as there are workers.
"""

import json
import multiprocessing
import subprocess
import sys
import time

import numpy
from distributed import Client, LocalCluster, wait

CORES = 2


def compute(iterations):
    values = numpy.full(64, 1.2345)
    for _ in range(iterations):
        numpy.multiply(values, values, out=values)
        numpy.subtract(values, values, out=values)


def point(step, number, wanted, iterations, *inputs):
    if list(inputs) != [(step - 1, input) for input in wanted]:
        raise ValueError(f"point {number} of step {step} wants {wanted} and got {inputs}")
    compute(iterations)
    return (step, number)


def peak():
    """Iterations a second of all cores with nothing else to do."""
    iterations = 400_000
    with multiprocessing.get_context("spawn").Pool(CORES) as pool:
        pool.map(compute, [1000] * CORES, chunksize=1)
        rates = []
        for _ in range(3):
            begin = time.perf_counter()
            pool.map(compute, [iterations] * CORES, chunksize=1)
            rates.append(iterations * CORES / (time.perf_counter() - begin))
    return max(rates)


def once(client, steps, iterations):
    run = f"run-{time.monotonic_ns()}"
    tasks = {}
    for step, points in enumerate(steps):
        for number, inputs in points:
            names = [f"{run}-{step - 1}-{input}" for input in inputs]
            tasks[f"{run}-{step}-{number}"] = (point, step, number, inputs, iterations, *names)
    ends = [f"{run}-{len(steps) - 1}-{number}" for number, _ in steps[-1]]
    begin = time.perf_counter()
    client.gather(client.get(tasks, ends, sync=False))
    return time.perf_counter() - begin, len(tasks)


def main():
    task_bench, patterns, *options = sys.argv[1:]
    rate = peak()
    with LocalCluster(n_workers=CORES, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            for pattern in patterns.split(","):
                edges = subprocess.check_output([task_bench, "graph", pattern, *options], text=True)
                steps = json.loads(edges)
                once(client, steps, 0)
                for halvings in range(8):
                    iterations = int(rate / CORES * 0.032 / 2**halvings)
                    seconds, n_tasks = once(client, steps, iterations)
                    measured = {
                        "system": "dask",
                        "pattern": pattern,
                        "granularity_us": seconds * CORES / n_tasks * 1e6,
                        "efficiency": iterations * n_tasks / seconds / rate,
                    }
                    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
