"""What a whole cluster costs: booting it, filling it, leaving it alone.

`rows()` measures each figure and returns (name, value, unit). Each is measured in a process of its own, as a
learner meets it: what an earlier cluster left behind slows down the next one. Run it as a script for a table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "load-", "namespace": "default", "labels": {"app": "load"}},
    "spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]},
}

BOOT = """
import time
began = time.perf_counter()
import kubekit
cluster = kubekit.up(workers=2)
print(time.perf_counter() - began)
"""

RESIDENT = """
for line in open("/proc/self/status"):
    if line.startswith("VmRSS"):
        print(int(line.split()[1]) / 1024)
"""
NOTEBOOK = ("import kubekit; cluster = kubekit.up(workers=2)", "cluster.advance('1h')")


def boot_seconds(times: int = 3) -> float:
    """Importing kubekit and booting three nodes to Ready in a fresh process: the best of `times`.

    As after an installation, Python's compiled files are there: a first run makes them and is not counted.
    """
    with tempfile.TemporaryDirectory() as compiled:
        _run(BOOT, compiled)
        return min(_run(BOOT, compiled) for _ in range(times))


def resident_mib() -> tuple[float, float]:
    """Resident memory of a notebook's kernel with three nodes: after the boot, and a virtual hour later.

    A real kernel, started as JupyterLab starts it: with its sockets, its history and IPython.
    """
    from jupyter_client.manager import start_new_kernel

    root = str(Path(__file__).parents[1])
    manager, client = start_new_kernel(kernel_name="python3", cwd=root, stderr=subprocess.DEVNULL)
    texts: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    try:
        for cell in NOTEBOOK:
            client.execute_interactive(cell + RESIDENT, timeout=120, output_hook=hear)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    booted, later = (float(text) for text in "".join(texts).split())
    return booted, later


def creates_per_second(count: int = 3_000) -> float:
    """Pods created by one client in process, nothing else running."""
    import kubekit

    cluster = kubekit.up(workers=1)
    cluster.scheduler.stop()
    began = time.perf_counter()
    for _ in range(count):
        cluster.client.create("pods", POD)
    return count / (time.perf_counter() - began)


def pods_running_seconds(pods: int = 1_000, nodes: int = 100) -> tuple[float, float]:
    """(real seconds, of these the processor's) until so many pods are created, scheduled and Running.

    The two differ by what the machine did meanwhile for others.
    """
    import kubekit

    cluster = kubekit.up(workers=nodes, images_present=True)
    began, used = time.perf_counter(), time.process_time()
    for _ in range(pods):
        cluster.client.create("pods", POD)
    cluster.settle()
    took = time.perf_counter() - began, time.process_time() - used
    running = [p for p in cluster.client.list("pods")["items"] if p["status"]["phase"] == "Running"]
    assert len(running) == pods, f"{len(running)} of {pods} pods run"
    return took


def rest_milliseconds(minutes: float = 60.0) -> float:
    """Real milliseconds for one virtual minute of a cluster of three nodes and thirty pods at rest."""
    import kubekit

    cluster = kubekit.up(workers=2, images_present=True)
    for _ in range(30):
        cluster.client.create("pods", POD)
    cluster.settle()
    began = time.perf_counter()
    cluster.advance(minutes * 60)
    return (time.perf_counter() - began) / minutes * 1000


def rows() -> list[tuple[str, float, str]]:
    """All figures: (name, value, unit)."""
    runs = sorted(_own("print(*pods_running_seconds())") for _ in range(2))
    booted, later = resident_mib()
    return [
        ("import and boot, 3 nodes", boot_seconds(), "s"),
        ("pod creates in process", _own("print(creates_per_second())")[0], "1/s"),
        ("1,000 pods Running on 100 nodes", runs[0][0], "s"),
        ("1,000 pods Running on 100 nodes: processor", min(run[1] for run in runs), "s"),
        ("one minute at rest, 3 nodes, 30 pods", _own("print(rest_milliseconds())")[0], "ms"),
        ("resident memory of a notebook, 3 nodes", booted, "MiB"),
        ("resident memory of a notebook, 3 nodes, an hour later", later, "MiB"),
    ]


def _own(call: str) -> list[float]:
    """The figures that a call of this module's prints in a process of its own."""
    return _figures(f"from benchmarks.bench_cluster import *\n{call}")


def _run(program: str, compiled: str = "") -> float:
    return _figures(program, compiled)[-1]


def _figures(program: str, compiled: str = "") -> list[float]:
    environment = dict(os.environ)
    if compiled:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = compiled
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=Path(__file__).parents[1]
    )
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    for name, value, unit in rows():
        print(f"{name:<40}{value:>12.3f} {unit}")
