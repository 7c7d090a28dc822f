"""Asks a kernel's verifier what it makes of its hooks: which LSM hooks take programs, with which results, which
programs may sleep, what those may use, and which functions `fmod_ret` may be on. Runs anywhere, in guests too:

    python tests/kernel/hook_facts.py > facts.json
"""

from __future__ import annotations

import json
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE), str(HERE.parent / "guests")]

from helper_facts import SLEEPABLE, target_of
from load_program import EXIT, RETURN_ONE, RETURN_ZERO, call, load

from pyebpf.checks.places import PATHS_OF_SECURITY
from pyebpf.kernel import btf_types, injection, lsm, sleeping
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.hooks import LSM_CGROUP, hook_by_name
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.programs import AttachType, ProgramType

D_PATH: Final = 147
INJECTION: Final = Path(injection.LIST)
CHECKED: Final = (6, 12)
"""First kernel that holds programs to what a security hook may answer."""
STRUCTS: Final = (6, 0)
"""First kernel with programs on functions that are given whole structs."""
WITH_STRUCTS: Final = ("socket_getpeersec_stream", "path_chown")
T, A = ProgramType, AttachType


def returns(result: int) -> bytes:
    """`r0 = result; exit`."""
    return struct.pack("<BBhi", 0xB7, 0, 0, result) + EXIT


def _asked(btf: Btf, number: int) -> str:
    """What the verifier says of programs on an LSM hook, in letters: `x` none at all, else those of `-`, `0`, `1`, `2`
    that it takes as results; `s` for programs that may sleep, `p` for calls of `d_path`, and for those of a cgroup `c`
    for the result 0 and `C` for 1."""

    def taken(code: bytes, attach: int = A.LSM_MAC, flags: int = 0) -> bool:
        return not load(T.LSM, code, attach=attach, target=number, flags=flags)[0]

    results = {"-": -1, "0": 0, "1": 1, "2": 2}
    found = "".join(letter for letter, result in results.items() if taken(returns(result)))
    if not found:
        return "x"
    plain = returns(results[found[-1]])
    if taken(plain, flags=SLEEPABLE):
        found += "s"
    if "not allowed in probe" not in load(T.LSM, call(D_PATH) + plain, attach=A.LSM_MAC, target=number)[1]:
        found += "p"
    if taken(RETURN_ZERO, A.LSM_CGROUP):
        found += "c"
    if taken(RETURN_ONE, A.LSM_CGROUP):
        found += "C"
    return found


def lsm_hooks(btf: Btf) -> dict[str, str]:
    """By hook, the letters of `_asked`; a `v` before those of hooks without a result."""
    found = {}
    for name, number in btf.names(Kind.FUNC, "bpf_lsm_"):
        function = btf.type(number)
        prototype = btf.type(btf.resolve(number))
        if isinstance(function, btf_types.Function):
            prototype = btf.type(function.type_id)
        assert isinstance(prototype, btf_types.FunctionPrototype)
        letters = _asked(btf, number)
        found[name.removeprefix("bpf_lsm_")] = ("" if prototype.return_type_id else "v") + letters
    return found


def injectable() -> list[str] | None:
    """Functions that are made for errors to be injected, with the kind of their error; None if it can't be known."""
    return sorted(INJECTION.read_text().splitlines()) if INJECTION.exists() else None


def functions(btf: Btf, names: list[str]) -> dict[str, str]:
    """For functions: `m` where fmod_ret may be, `s` where fentry may that sleeps, `p` where it may call `d_path`; `-`
    if fentry can't be there either."""
    found = {}
    for name in names:
        number = btf.find(name, Kind.FUNC)
        if number is None:
            continue
        letters = ""
        if load(T.TRACING, RETURN_ZERO, attach=A.TRACE_FENTRY, target=number)[0]:
            letters += "-"
        if not load(T.TRACING, RETURN_ZERO, attach=A.MODIFY_RETURN, target=number)[0]:
            letters += "m"
        if not load(T.TRACING, RETURN_ZERO, attach=A.TRACE_FENTRY, target=number, flags=SLEEPABLE)[0]:
            letters += "s"
        said = load(T.TRACING, call(D_PATH) + RETURN_ZERO, attach=A.TRACE_FENTRY, target=number)[1]
        if said and "not allowed in probe" not in said:
            letters += "p"
        found[name] = letters
    return found


NOT_THERE: Final = "is not sleepable"
"""Said of a place where none of them may."""
SLEEPERS: Final = {
    "fentry": (T.TRACING, A.TRACE_FENTRY, "bpf_fentry_test1"),
    "fmod_ret": (T.TRACING, A.MODIFY_RETURN, "bpf_modify_return_test"),
    "lsm": (T.LSM, A.LSM_MAC, "bpf_lsm_bprm_committed_creds"),
    "iterator": (T.TRACING, A.TRACE_ITER, "bpf_iter_task"),
    "tp_btf": (T.TRACING, A.TRACE_RAW_TP, "btf_trace_sched_switch"),
    "tp_btf.sys_enter": (T.TRACING, A.TRACE_RAW_TP, "btf_trace_sys_enter"),
    "kprobe": (T.KPROBE, 0, ""),
    "tracepoint": (T.TRACEPOINT, 0, ""),
    "raw_tracepoint": (T.RAW_TRACEPOINT, 0, ""),
    "syscall": (T.SYSCALL, 0, ""),
}
"""Programs that ask whether they may sleep."""


def sleepers(btf: Btf) -> dict[str, str]:
    """What is said of programs that may sleep, by hook: "" where they are loaded."""
    found = {}
    for name, (type, attach, target) in SLEEPERS.items():
        place = target_of(btf, target)
        if place is None:
            found[name] = f"no {target}"
            continue
        code, log = load(type, RETURN_ZERO, attach=attach, target=place[0], flags=SLEEPABLE)
        found[name] = f"{code} {log.strip()[:120]}" if code else ""
    return found


def sleepable_maps(btf: Btf) -> dict[str, str]:
    """By type of map, what is said of a program that may sleep and uses one: "" where it is loaded."""
    from facts import created

    target = btf.find("bpf_lsm_bprm_committed_creds", Kind.FUNC) or 0
    found = {}
    for kind, made in created():
        if not isinstance(made, str):
            use = struct.pack("<BBhiBBhi", 0x18, 0x11, 0, made.fd, 0, 0, 0, 0)
            code, log = load(T.LSM, use + RETURN_ZERO, attach=A.LSM_MAC, target=target, flags=SLEEPABLE)
            found[kind] = f"{code} {log.strip()[-120:]}" if code else ""
    return found


FUNCTIONS: Final = (*sorted(injection.D_PATH), *sorted(injection.TESTS), "vfs_read", "security_task_kill")
"""Functions that are asked about, besides those that errors may be injected into."""


def facts() -> dict[str, Any]:
    """Everything."""
    btf = Btf.running()
    listed = injectable()
    names = sorted({line.split()[0] for line in listed or ()} | set(FUNCTIONS))
    return {
        "lsm": lsm_hooks(btf),
        "injectable": listed,
        "sleepers": sleepers(btf),
        "sleepable maps": sleepable_maps(btf),
        "functions": functions(btf, names),
    }


def disagreements(found: dict[str, Any], kernel: tuple[int, int]) -> list[str]:
    """Where the tables say something else than the verifier of Linux `kernel` does."""
    wrong = [f"lsm {name}, Linux {kernel}: {said}, {why}" for name, said, why in _security(found["lsm"], kernel)]
    for name, said in found["sleepers"].items():
        hook = hook_by_name(name)
        known = hook is not None and hook.sleeps is not None and hook.sleeps <= kernel
        if known and said and NOT_THERE not in said:
            wrong.append(f"programs that may sleep on {name}, Linux {kernel}: {said}")
    for name, said in found["sleepable maps"].items():
        since = sleeping.ON_DEMAND if "." in name else sleeping.MAPS.get(MapType[name])
        if (since is not None and since <= kernel) != (not said):
            wrong.append(f"{name} in programs that may sleep, Linux {kernel}: here since {since}; {said}")
    for name, letters in found["functions"].items():
        wrong += [f"{name}, Linux {kernel}: {letters}, {why}" for why in _function(name, letters, kernel)]
    return wrong


def _security(found: dict[str, str], kernel: tuple[int, int]) -> Iterator[tuple[str, str, str]]:
    """Hooks of which the tables say something else: name, letters, and what."""
    for name, said in found.items():
        letters = said.removeprefix("v")
        since = lsm.DISABLED.get(name)
        if "x" in letters:
            if name not in lsm.NO_HOOKS and since is None and not (kernel < STRUCTS and name in WITH_STRUCTS):
                yield name, said, "not in the table of those that are disabled"
            continue
        if name in lsm.NO_HOOKS or (since is not None and since <= kernel):
            yield name, said, "it takes programs"
        results = "-012" if kernel < CHECKED or said != letters else "01" if name in lsm.BOOLEAN else "-0"
        if not letters.startswith(results) or letters[len(results) :][:1] in ("1", "2"):
            yield name, said, f"the results should be {results}"
        if name not in lsm.WITHDRAWN and ("s" in letters) != (lsm.SLEEPABLE.get(name, (99, 0)) <= kernel):
            yield name, said, f"programs may sleep there since {lsm.SLEEPABLE.get(name)}"
        if ("p" in letters) != ("s" in letters and kernel >= PATHS_OF_SECURITY):
            yield name, said, "d_path isn't where programs may sleep"
        if kernel >= LSM_CGROUP.since and ("C" not in letters or ("c" in letters) == (said != letters)):
            yield name, said, "a cgroup's programs give 0 or 1, and 1 where there is no result"


def _function(name: str, letters: str, kernel: tuple[int, int]) -> Iterator[str]:
    if ("p" in letters) != (name in injection.D_PATH):
        yield "d_path"
    if "m" in letters and not injection.may_modify(name, here=False):
        yield "fmod_ret isn't expected"
    if "m" not in letters and name.startswith(injection.SECURITY):
        yield "fmod_ret is expected"
    if "s" in letters and not injection.may_sleep(name, here=False):
        yield "sleeping isn't expected"


if __name__ == "__main__":
    print(json.dumps({"kernel": platform.release(), **facts()}, indent=1))
