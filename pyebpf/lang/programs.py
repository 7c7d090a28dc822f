"""Arrays of programs: `jumps = ProgArray({0: parse_ip, 6: parse_tcp})`."""

from __future__ import annotations

from collections.abc import Mapping

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import MAX_ENTRIES, Map
from pyebpf.lang.probes import Probe

EXAMPLE = "jumps = ProgArray(max_entries=8)"


class ProgArray(Map):
    """Programs that others go on with, `return jumps[i](packet)`: `BPF_MAP_TYPE_PROG_ARRAY`, Linux 4.2.

    From Python `session.maps["jumps"][0] = session.programs["parse_ip"]` fills a slot, and `del` empties it.
    """

    kind = "ProgArray"

    def __init__(self, programs: Mapping[int, Probe] | None = None, /, *, max_entries: int = 0) -> None:
        held = {} if programs is None else programs
        if not isinstance(held, Mapping):
            raise DeclarationError("a ProgArray takes a dict of its programs, by slot", "ProgArray({0: parse_ip})")
        for slot, program in held.items():
            if isinstance(slot, bool) or not isinstance(slot, int) or slot < 0:
                raise DeclarationError(f"the slots of a ProgArray are integers from 0, not {slot!r}", EXAMPLE)
            if not isinstance(program, Probe):
                raise DeclarationError(
                    f"slot {slot} of a ProgArray takes a probe, not {getattr(program, '__name__', program)!r}"
                )
        last = max(held, default=-1)
        if isinstance(max_entries, bool) or not isinstance(max_entries, int):
            raise DeclarationError(f"max_entries is an integer, not {max_entries!r}", EXAMPLE)
        count = max_entries if max_entries or not held else last + 1
        if not 1 <= count <= MAX_ENTRIES:
            raise DeclarationError("a ProgArray needs programs, or max_entries", EXAMPLE)
        if last >= count:
            raise DeclarationError(f"slot {last} is beyond max_entries={count}", f"max_entries={last + 1}")
        super().__init__(layout.U32, layout.U32, count)
        self.programs = dict(held)

    def __repr__(self) -> str:
        return f"ProgArray of {self.max_entries}"
