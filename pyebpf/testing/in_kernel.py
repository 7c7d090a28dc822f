"""Probes loaded into the running kernel, and run there by BPF_PROG_TEST_RUN: the same tests, with --bpf-kernel."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, final

import pyebpf
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.flows import FLOW_KEYS
from pyebpf.kernel.hooks import ContextKind, Hook
from pyebpf.kernel.packets import access_of
from pyebpf.lang.probes import Probe
from pyebpf.runtime.session import Session
from pyebpf.simulator.errors import SimulationError
from pyebpf.testing.inputs import Call
from pyebpf.testing.result import Result, answer
from pyebpf.views.faults import FaultCount
from pyebpf.views.rings import Backlog, Records, RingBufView

ETHERNET: Final = 14
ETHER_TYPES: Final = {4: 0x0800, 6: 0x86DD}
"""By the version in the first four bits of an IP packet."""
FROM_THE_ETHERNET_HEADER: Final = (
    *(ContextKind.XDP_PACKET, ContextKind.XDP_PIECES),
    *(ContextKind.TC_PACKET, ContextKind.FLOW_PACKET),
)
FROM_THE_NETWORK_HEADER: Final = (ContextKind.SKB_PACKET, ContextKind.ROUTED_PACKET, ContextKind.SENT_PACKET)
RAW_ARGUMENTS: Final = 12
LONGEST_WAIT: Final = 5_000_000_000
MARGIN: Final = 20_000_000
"""Nanoseconds for a timer that is due to be called."""

HERE: Final = ("privileges", "kernel")
"""Reasons of a LoadError that are no mistake of the test or of the probe."""


class Unsuitable(Exception):
    """The test can't be run in this kernel; the text says why."""


def wait(nanoseconds: int) -> None:
    """Let the kernel's clock run on."""
    if nanoseconds > LONGEST_WAIT:
        raise Unsuitable(f"the test lets {nanoseconds / 1e9:,.0f} seconds pass")
    time.sleep((nanoseconds + MARGIN) / 1e9)


@contextmanager
def _here(what: str = "") -> Iterator[None]:
    """What this machine doesn't allow is no mistake of the test."""
    try:
        yield
    except pyebpf.LoadError as error:
        if error.reason in HERE:
            raise Unsuitable(f"{what}{error}") from error
        raise


@final
class InKernel:
    """A unit of probes with their maps, in the kernel and attached nowhere."""

    def __init__(
        self, probes: tuple[Probe, ...], config: Mapping[str, object] | None, cpus: int | None, btf: Btf | None
    ) -> None:
        if cpus is not None:
            raise Unsuitable("the test sets the number of CPUs, which only the simulator can")
        with _here("the probes can't be loaded here: "):
            self._session: Session = pyebpf.load(list(probes), config=config, btf=btf, attach=False)
        self._hooks = {probe.__name__: probe.hook for probe in probes}
        self._rings: dict[str, tuple[RingBufView, Records, Backlog]] = {}
        for name, view in self._session.maps.items():
            if isinstance(view, RingBufView):
                self._rings[name] = (view, view.ring, Backlog(view.ring))
                view.ring = self._rings[name][2]
        self.maps: dict[str, Any] = self._session.maps
        self.variables: dict[str, Any] = dict(self._session.variables)

    @property
    def faults(self) -> tuple[FaultCount, ...]:
        return self._session.faults

    def run(self, name: str, call: Call) -> Result:
        """Run a probe once."""
        hook = self._hooks[name]
        packet, context = _checked(name, hook, call)
        before = {_site(fault): fault.count for fault in self.faults}
        try:
            with _here():
                run = self._session.programs[name].test_run(packet, context)
        except ValueError as error:
            raise Unsuitable(str(error)) from error
        counted = [fault for fault in self.faults if fault.count > before.get(_site(fault), 0)]
        return Result(
            answer(hook, run.result),
            None if packet is None else run.data if access_of(hook.context).writable else call.packet,
            _once(counted[0]) if counted else None,
            [event for view, ring, kept in self._rings.values() for event in _events(view, ring, kept)],
            self._session.prints.poll(0),
            _flow_keys(run.ctx) if hook.context is ContextKind.FLOW_PACKET else {},
        )

    def close(self) -> None:
        self._session.close()


def _flow_keys(keys: Any) -> dict[str, Any]:
    return {field.name: getattr(keys, field.name) for field in FLOW_KEYS.fields}


def _site(fault: FaultCount) -> tuple[str, str, str, int, int]:
    return fault.kind, fault.program, fault.file, fault.line, fault.column


def _once(fault: FaultCount) -> FaultCount:
    return FaultCount(*_site(fault), 1)


def _events(view: RingBufView, ring: Records, kept: Backlog) -> list[Any]:
    """What came into a ring; it stays there to be read, as far as the test is concerned."""
    records = ring.read()
    kept.add(records)
    return [view.decode(record) for record in records]


def _checked(name: str, hook: Hook, call: Call) -> tuple[bytes | None, Any]:
    """The packet and the context as test_run takes them. Raises Unsuitable."""
    if not hook.test_run:
        raise Unsuitable(f"the kernel has no test run for {hook.name} programs: {name} runs in the simulator only")
    supplied = [*call.surroundings, *(["user_memory"] if call.user_memory else [])]
    supplied += ["kernel_memory"] if call.kernel_memory else []
    if supplied:
        raise Unsuitable(f"only the simulator can supply {', '.join(supplied)}")
    if hook.context is ContextKind.RAW_ARGS:
        return None, _arguments(call.ctx)
    if hook.context is ContextKind.STRUCT:
        return None, call.ctx
    if call.ctx:
        raise Unsuitable(f"only the simulator can supply fields of the context of {hook.name}")
    if call.packet is None:
        raise SimulationError(f"{name} reads a packet: simulate({name}, packet=…)")
    return _with_ethernet(hook, memoryview(call.packet).tobytes()), None


def _with_ethernet(hook: Hook, packet: bytes) -> bytes:
    """The kernel takes off an Ethernet header before it runs other than XDP programs."""
    if hook.context in FROM_THE_ETHERNET_HEADER:
        return packet
    version = packet[0] >> 4 if packet and hook.context in FROM_THE_NETWORK_HEADER else 0
    return bytes(ETHERNET - 2) + ETHER_TYPES.get(version, 0).to_bytes(2, "big") + packet


def _arguments(ctx: Any) -> bytes:
    given = ctx.get("args", ()) if isinstance(ctx, Mapping) else ctx
    arguments = list(given or ())
    if not all(isinstance(argument, int) for argument in arguments):
        raise Unsuitable("only the simulator can put text and bytes into memory")
    arguments += [0] * (RAW_ARGUMENTS - len(arguments))
    return struct.pack(f"={RAW_ARGUMENTS}Q", *(argument & (1 << 64) - 1 for argument in arguments))
