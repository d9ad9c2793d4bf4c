"""sim: time, chance, order and memory of a simulated cluster.

Everything that would make two runs differ lives here and is handed to the other rooms as an argument: the
clock, the order of events, the random stream, the faults. The trace remembers how each decision was made.

Reading order: `clock` (what time is), `rng` (what chance is), `trace` (what a record is), `loop` (how one
thing follows another; `handle`, `lane`, `calm`), `component` (what can be stopped), `faults` (what can be
broken).

Left out on purpose: threads, sockets and sleeping. A cluster on the wall clock is driven from the `serving`
room by the same loop.
"""

from kubekit.sim.clock import Clock, VirtualClock, WallClock, parse_rfc3339, rfc3339, rfc3339_micro
from kubekit.sim.component import Component
from kubekit.sim.faults import Faults
from kubekit.sim.handle import Handle
from kubekit.sim.loop import Loop, Stalled
from kubekit.sim.rng import Rng
from kubekit.sim.trace import KINDS, VERDICTS, Record, Step, Trace

__all__ = [
    "KINDS",
    "VERDICTS",
    "Clock",
    "Component",
    "Faults",
    "Handle",
    "Loop",
    "Record",
    "Rng",
    "Stalled",
    "Step",
    "Trace",
    "VirtualClock",
    "WallClock",
    "parse_rfc3339",
    "rfc3339",
    "rfc3339_micro",
]
