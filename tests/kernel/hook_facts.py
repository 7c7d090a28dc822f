"""Asks a kernel's verifier what it makes of its hooks: which LSM hooks take programs, with which results, which
programs may sleep, what those may use, and which functions `fmod_ret` may be on. Runs anywhere, in guests too:

    python tests/kernel/hook_facts.py > facts.json
"""

from __future__ import annotations

import json
import platform
import struct
import sys
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE), str(HERE.parent / "guests")]

from helper_facts import SLEEPABLE, target_of
from load_program import EXIT, RETURN_ONE, RETURN_ZERO, call, load

from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.programs import AttachType, ProgramType

D_PATH: Final = 147
INJECTION: Final = Path("/sys/kernel/debug/error_injection/list")
T, A = ProgramType, AttachType


def returns(result: int) -> bytes:
    """`r0 = result; exit`."""
    return struct.pack("<BBhi", 0xB7, 0, 0, result) + EXIT


def _asked(btf: Btf, number: int) -> str:
    """What the verifier says of programs on an LSM hook, in letters: `x` none at all, else those of `-`, `0`, `1`, `2`
    that it takes as results; `s` for programs that may sleep, `p` for calls of `d_path`, and for those of a cgroup `c`
    for the result 0 and `C` for 1."""
    prefix = "bpf_lsm_"

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
    if not INJECTION.exists():
        import subprocess

        subprocess.run(["mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug"], check=False)
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


if __name__ == "__main__":
    btf = Btf.running()
    extra = [
        *("security_file_permission", "security_inode_getattr", "security_file_open", "security_path_truncate"),
        *("vfs_truncate", "vfs_fallocate", "dentry_open", "vfs_getattr", "filp_close", "vfs_read", "do_unlinkat"),
        *("bpf_fentry_test1", "bpf_modify_return_test", "bpf_modify_return_test2"),
    ]
    listed = injectable()
    names = sorted({line.split()[0] for line in listed or ()} | set(extra))
    names += [name for name, _ in btf.names(Kind.FUNC, "security_")]
    document: dict[str, Any] = {"kernel": platform.release(), "lsm": lsm_hooks(btf), "injectable": listed}
    document["sleepers"], document["sleepable maps"] = sleepers(btf), sleepable_maps(btf)
    document["functions"] = functions(btf, names)
    print(json.dumps(document, indent=1))
