"""Runs the cases on Dask: a scheduler process and two workers of one thread each, over TCP.

`dask_work.py GRAPHS.json [--quick]`, or `dask_work.py --save FOLDER` for what Dask can keep of a run.
"""

import os
import subprocess
import sys
import tempfile
import time

from distributed import Client, performance_report, wait

import cases
from cases import work


class Dask:
    def __init__(self, dashboard=False):
        self.folder = tempfile.TemporaryDirectory()
        file = os.path.join(self.folder.name, "scheduler.json")
        shown = ["--dashboard-address", "127.0.0.1:0"] if dashboard else ["--no-dashboard"]
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", file, *shown)
        worker = ["--scheduler-file", file, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]
        self.workers = [self.start("worker", *worker, "--local-directory", self.folder.name) for _ in range(2)]
        self.client = Client(scheduler_file=file)
        self.client.wait_for_workers(2)

    def start(self, *args):
        # This folder is where the workers find `cases`.
        here = os.path.dirname(os.path.abspath(__file__))
        env = {**os.environ, "PYTHONPATH": here}
        return subprocess.Popen([sys.executable, "-m", "dask", *args], env=env, stderr=subprocess.DEVNULL)

    def close(self):
        self.client.shutdown()
        for process in [self.scheduler, *self.workers]:
            process.wait()
        self.folder.cleanup()

    def scheduler_cpu(self):
        return cases.cpu_of([self.scheduler.pid])

    def map(self, n):
        wait(self.client.map(work, [0] * n, [27] * n, pure=False))

    def graph(self, graph):
        ms, size, run = graph["ms"], graph["bytes"], f"run-{time.monotonic_ns()}"
        tasks = {
            f"{run}-{i}": (work, ms, size, *[f"{run}-{input}" for input in inputs])
            for i, inputs in enumerate(graph["inputs"])
        }
        used = {input for inputs in graph["inputs"] for input in inputs}
        ends = [f"{run}-{i}" for i in range(len(graph["inputs"])) if i not in used]
        wait(self.client.get(tasks, ends, sync=False))

    def chain(self, n):
        future = self.client.submit(work, 0, 27, pure=False)
        for _ in range(n):
            future = self.client.submit(work, 0, 27, future, pure=False)
        future.result()

    def one(self, i):
        self.client.submit(work, 0, 27, pure=False).result()


def save(folder):
    """What Dask keeps of a run of 10,000 trivial tasks, and how long its own reader takes to open it."""
    from distributed.cluster_dump import DumpArtefact

    dask = Dask(dashboard=True)
    report = os.path.join(folder, "dask-report.html")
    with performance_report(filename=report):
        dask.map(10_000)
    futures = dask.client.map(work, [0] * 10_000, [27] * 10_000, pure=False)
    wait(futures)
    dump = os.path.join(folder, "dask-dump")
    dask.client.dump_cluster_state(dump)
    dask.close()
    begin = time.perf_counter()
    state = DumpArtefact.from_url(f"{dump}.msgpack.gz")
    assert len(state.scheduler_tasks_in_state()) >= 10_000
    seconds = time.perf_counter() - begin
    cases.report("dask", "performance report", tasks=10_000, bytes=os.path.getsize(report))
    cases.report("dask", "state dump", tasks=10_000, bytes=os.path.getsize(f"{dump}.msgpack.gz"), seconds=seconds)


if __name__ == "__main__":
    if sys.argv[1] == "--save":
        save(sys.argv[2])
    else:
        system = Dask()
        cases.run(system, "dask")
        system.close()
