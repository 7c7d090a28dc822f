"""What the verifier does at calls of helpers: which registers it reads, which of them must be known exactly, which
functions it goes into, what the result is.

Source: `check_helper_call` of the verifier and the `bpf_func_proto` definitions of Linux 6.18. Helpers that probes call
by name have prototypes (`prototypes`), which tell most of it; those that probes don't call are only here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final, Literal, TypeAlias, final

from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.prototypes import prototype_by_name
from pyebpf.kernel.storage import STORAGES
from pyebpf.records import dataclass

Gives: TypeAlias = Literal["number", "cpu", "entry", "record", "object", "length"]

MOST_ARGUMENTS: Final = 5


@final
@dataclass(frozen=True, slots=True)
class Convention:
    """One helper. Arguments are counted from 1, as registers are."""

    name: str
    arguments: int = 0
    sizes: tuple[int, ...] = ()
    """Arguments whose exact value matters: sizes, the rounds and flags of `bpf_loop`."""
    key: int = 0
    """The argument with the address of a map's key; 0 if there is none."""
    written: tuple[tuple[int, int, int], ...] = ()
    """Memory that the helper writes: the argument with its address; the one with its size, or 0; and the bytes where
    none says, 0 for an unknown number."""
    function: int = 0
    """The argument that is a function, which the helper calls; 0 if there is none."""
    later: bool = False
    """Whether that runs when the program is over: the verifier goes into it with nothing but its own arguments, and
    doesn't come back to the call (`push_async_cb`)."""
    gives: Gives = "number"
    """What the result is: a number, that of a CPU, an entry of the map or null, memory for a record or null, an object
    that can't be null, or a length of at most the size (`do_refine_retval_range`)."""
    moves: bool = False
    """Whether addresses in the packet are no longer good."""


_STORAGES: Final = tuple(Convention(kind.get.name, 4, gives="entry") for kind in STORAGES)
CONVENTIONS: Final = (
    *_STORAGES,
    Convention("map_lookup_elem", 2, key=2, gives="entry"),
    Convention("map_update_elem", 4, key=2),
    Convention("map_delete_elem", 2, key=2),
    Convention("map_lookup_percpu_elem", 3, gives="entry"),
    Convention("map_push_elem", 3),
    Convention("map_pop_elem", 2, written=((2, 0, 0),)),
    Convention("map_peek_elem", 2, written=((2, 0, 0),)),
    Convention("loop", 4, sizes=(1, 4), function=2),
    Convention("for_each_map_elem", 4, function=2),
    Convention("find_vma", 5, function=3),
    Convention("user_ringbuf_drain", 4, function=2),
    Convention("ringbuf_reserve", 3, sizes=(2,), gives="record"),
    Convention("ringbuf_submit", 2),
    Convention("ringbuf_discard", 2),
    Convention("ringbuf_output", 4, sizes=(3,)),
    Convention("tail_call", 3),
    Convention("spin_lock", 1),
    Convention("spin_unlock", 1),
    Convention("timer_init", 3),
    Convention("timer_set_callback", 2, function=2, later=True),
    Convention("timer_start", 3),
    Convention("timer_cancel", 1),
)
RESULTS: Final[dict[str, Gives]] = {
    "get_current_task_btf": "object",
    "this_cpu_ptr": "object",
    "task_pt_regs": "object",
    "probe_read_str": "length",
    "probe_read_user_str": "length",
    "probe_read_kernel_str": "length",
    "get_stack": "length",
    "get_smp_processor_id": "cpu",
}
"""Of helpers that have prototypes: what isn't just a number."""

FILLED: Final[dict[str, frozenset[ProgramType]]] = {
    "get_stack": frozenset({ProgramType.KPROBE, ProgramType.TRACEPOINT, ProgramType.PERF_EVENT}),
}
"""Of helpers that clear their memory after an error: in which programs they always do. In others `get_stack` gives up
before that where programs run inside each other too deep (`get_bpf_raw_tp_regs` in kernel/trace/bpf_trace.c)."""


@cache
def convention(name: str) -> Convention:
    """That of the helper `name`; of one that no table has, as little as is sure."""
    own = next((each for each in CONVENTIONS if each.name == name), None)
    if own is not None:
        return own
    unknown = Convention(name, MOST_ARGUMENTS, gives=RESULTS.get(name, "number"))
    prototype = prototype_by_name(name)
    if prototype is None:
        return unknown
    return replace(
        unknown,
        arguments=len(prototype.parameters) + len(prototype.sizes),
        sizes=prototype.sizes,
        written=prototype.written,
        moves=prototype.moves,
    )
