"""Runs the cases on Ray: two workers of one core each. `ray_work.py GRAPHS.json [--quick]`, or `ray_work.py --save FOLDER`."""

import os
import sys

import ray

import cases

work = ray.remote(cases.work)


class Ray:
    def __init__(self):
        here = os.path.dirname(os.path.abspath(__file__))
        env = {"env_vars": {"PYTHONPATH": here}}
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False, runtime_env=env)
        children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        # Ray has no single scheduler: the control store and the node's daemon do that work.
        self.servers = [pid for pid in children if command(pid) in ("gcs_server", "raylet")]

    def scheduler_cpu(self):
        return cases.cpu_of(self.servers)

    def map(self, n):
        ray.get([work.remote(0, 27) for _ in range(n)])

    def graph(self, graph):
        ms, size, made = graph["ms"], graph["bytes"], []
        used = {input for inputs in graph["inputs"] for input in inputs}
        for inputs in graph["inputs"]:
            made.append(work.remote(ms, size, *[made[input] for input in inputs]))
        ends = [ref for i, ref in enumerate(made) if i not in used]
        ray.wait(ends, num_returns=len(ends), fetch_local=False)

    def chain(self, n):
        ref = work.remote(0, 27)
        for _ in range(n):
            ref = work.remote(0, 27, ref)
        ray.get(ref)

    def one(self, i):
        ray.get(work.remote(0, 27))


def command(pid):
    with open(f"/proc/{pid}/comm") as comm:
        return comm.read().strip()


def save(folder):
    """What Ray keeps of a run of 10,000 trivial tasks."""
    system = Ray()
    system.map(10_000)
    file = os.path.join(folder, "ray-timeline.json")
    ray.timeline(file)
    cases.report("ray", "timeline", tasks=10_000, bytes=os.path.getsize(file))


if __name__ == "__main__":
    if sys.argv[1] == "--save":
        save(sys.argv[2])
    else:
        cases.run(Ray(), "ray")
    ray.shutdown()
