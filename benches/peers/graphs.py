"""Writes the task graphs that every system runs: `graphs.py OUT.json [--quick]`.

A graph is plain data, so that all systems run the same work: for each task, in an order in which
inputs come first, the indices of its inputs; and for the whole graph the milliseconds that each
task computes and the bytes that it returns.

Merge and tree are made here. Bag, array, groupby and join are taken from Dask's own collections, as
the RSDS paper did (arXiv 2010.11105, table 1), in sizes that fit a small machine; their durations and
sizes are that table's means, capped where one run would take longer than some seconds.
"""

import json
import sys
from graphlib import TopologicalSorter

import dask
import dask.array
import dask.bag
from dask._task_spec import convert_legacy_graph


def merge(n):
    """n tasks without inputs, and one that takes them all: the paper's test of overhead."""
    return [[] for _ in range(n)] + [list(range(n))]


def tree(depth):
    """A binary reduction of 2^(depth-1) leaves: 2^depth - 1 tasks."""
    tasks = [[] for _ in range(2 ** (depth - 1))]
    level = list(range(len(tasks)))
    while len(level) > 1:
        pairs = list(zip(level[::2], level[1::2]))
        level = [len(tasks) + i for i in range(len(pairs))]
        tasks.extend([list(pair) for pair in pairs])
    return tasks


def bag(records, parts):
    numbers = dask.bag.from_sequence(range(records), npartitions=parts)
    pairs = numbers.product(numbers).filter(lambda pair: pair[0] < pair[1])
    return from_collection(*dask.optimize(pairs.count()))


def array(side, chunk):
    x = dask.array.ones((side, side), chunks=(chunk, chunk))
    return from_collection(*dask.optimize((x + x.T)[::2, side // 2 :].mean(axis=1)))


def groupby(days):
    table = timeseries("2000-01-01", days, "1h", "1D")
    return from_collection(table.groupby("name").x.mean(split_out=8).optimize(fuse=False))


def join(parts):
    table = timeseries("2000-01-01", 1, "1min", f"{24 * 60 // parts}min")
    return from_collection(table.merge(table[["id", "y"]], on="id").optimize(fuse=False))


def timeseries(start, days, freq, partition_freq):
    end = f"2000-{1 + days // 30:02}-{1 + days % 30:02}"
    return dask.datasets.timeseries(start, end, freq=freq, partition_freq=partition_freq)


def from_collection(collection):
    """The graph of a collection as Dask would run it, its aliases replaced by what they stand for."""
    graph = convert_legacy_graph(dict(collection.__dask_graph__()))
    inputs = {key: set(task.dependencies) & graph.keys() for key, task in graph.items()}
    alias = {key: next(iter(inputs[key])) for key, task in graph.items() if type(task).__name__ == "Alias"}

    def real(key):
        while key in alias:
            key = alias[key]
        return key

    inputs = {key: {real(input) for input in inputs[key]} for key in graph if key not in alias}
    order = {key: number for number, key in enumerate(TopologicalSorter(inputs).static_order())}
    return [sorted(order[input] for input in inputs[key]) for key in order]


def graphs(quick):
    """name -> (tasks, milliseconds of each task, bytes of each result)"""
    small = 10 if quick else 1
    return {
        f"merge-{10_000 // small}": (merge(10_000 // small), 0, 27),
        f"tree-{10 if quick else 13}": (tree(10 if quick else 13), 0, 27),
        f"bag-10K-{10 if quick else 40}": (bag(10_000, 10 if quick else 40), 3.6, 800),
        "array-4K-20": (array(4_000, 200), 1, 30_000),
        f"groupby-{9 if quick else 89}": (groupby(9 if quick else 89), 3.9, 64_000),
        f"join-{6 if quick else 32}": (join(6 if quick else 32), 1.7, 3_700),
    }


def main():
    made = {
        name: {"inputs": tasks, "ms": ms, "bytes": size}
        for name, (tasks, ms, size) in graphs("--quick" in sys.argv).items()
    }
    with open(sys.argv[1], "w") as out:
        json.dump(made, out)
    for name, graph in made.items():
        edges = sum(map(len, graph["inputs"]))
        print(f"{name}: {len(graph['inputs'])} tasks, {edges} edges, {graph['ms']} ms each", file=sys.stderr)


if __name__ == "__main__":
    main()
