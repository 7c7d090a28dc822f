"""What this kernel, and these privileges, allow: every kind of program, map, link and instruction is tried for real.

What is tried returns the result that changes nothing, is on something that nobody uses (a function that is never
called, a file of its own, interfaces of a network namespace of its own), and is gone at once. Answers are kept for as
long as the machine runs, by user and capabilities, in the user's own cache.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, final

from pyebpf import cache
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.btf_types import Kind, Struct
from pyebpf.kernel.capabilities import MAPS
from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.least import LEAST_MAPS, LEAST_PROGRAMS, MAP_SINCE, LeastProgram
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.versions import INSTRUCTION_SETS, Version, running_version, show_version
from pyebpf.loader import privileges, sys
from pyebpf.loader.attach_tries import TRIES, attached
from pyebpf.loader.instructions import RETURNS, SAMPLES, call, returns
from pyebpf.loader.load import raise_memlock
from pyebpf.loader.token import Token, fd_of, shown, token_of
from pyebpf.records import dataclass

Group = Literal["program", "map", "attach", "instructions"]
GROUPS: Final[tuple[Group, ...]] = ("program", "map", "attach", "instructions")
VERSION: Final = 2
"""Of what is kept. Answers of another one are asked for anew."""


@final
@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a kernel may have. `why` says why it doesn't work here, and is "" if it does."""

    group: Group
    name: str
    since: Version | None
    why: str

    @property
    def works(self) -> bool:
        return not self.why


@final
@dataclass(frozen=True, slots=True)
class Features:
    """What was found."""

    kernel: str
    """What `uname -r` says."""
    features: tuple[Feature, ...]
    helpers: dict[str, tuple[str, ...]]
    """By kind of program, the helpers that it may call."""
    settings: dict[str, str]
    """What decides it, beside the kernel: settings and privileges, in words."""

    def of(self, group: Group) -> tuple[Feature, ...]:
        return tuple(feature for feature in self.features if feature.group == group)

    def __getitem__(self, name: str) -> Feature:
        """By name: a kind of program (`kprobe.multi`), a type of map (`RINGBUF`), … Raises KeyError."""
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)


def probe(*, anew: bool = False, token: str | os.PathLike[str] | bool | None = None) -> Features:
    """Try everything, or what this boot of the machine has answered before, unless `anew`. Takes up to a second.
    `token`: as for `pyebpf.load`. What can't be tried says why; raises LoadError for a token that can't be had."""
    given = token_of(token)
    try:
        return _probe(anew, given)
    finally:
        if given is not None:
            given.close()


def _probe(anew: bool, token: Token | None) -> Features:
    name = _key(token)
    if not anew:
        kept = _kept(name)
        if kept is not None:
            return kept
    raise_memlock()
    features = (*_programs(token), *_maps(token), *_attached(token), *_instructions(token))
    refused = {feature.name for feature in features if feature.group in ("program", "attach") and not feature.works}
    loaded = {row.name for row in LEAST_PROGRAMS} - refused
    found = Features(os.uname().release, tuple(features), _helpers(loaded, token), settings(token))
    cache.write(name, json.dumps(to_json(found)).encode())
    return found


def to_json(found: Features) -> dict[str, Any]:
    """As plain data."""
    groups: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    for feature in found.features:
        since = show_version(feature.since) if feature.since else None
        groups[feature.group].append({"name": feature.name, "works": feature.works, "since": since, "why": feature.why})
    helpers = {kind: list(names) for kind, names in found.helpers.items()}
    return {"version": VERSION, "kernel": found.kernel, **groups, "helpers": helpers, "settings": found.settings}


def _from_json(data: dict[str, Any]) -> Features:
    features = []
    for group in GROUPS:
        for row in data[group]:
            since = tuple(map(int, row["since"].split("."))) if row["since"] else None
            features.append(Feature(group, str(row["name"]), since, str(row["why"])))  # type: ignore[arg-type]
    helpers = {str(kind): tuple(map(str, names)) for kind, names in data["helpers"].items()}
    return Features(
        str(data["kernel"]), tuple(features), helpers, {str(k): str(v) for k, v in data["settings"].items()}
    )


def _key(token: Token | None) -> str:
    """The name of the cache's entry: another one for each boot, user and set of privileges."""
    parts = [str(VERSION), os.uname().release, _text("/proc/sys/kernel/random/boot_id"), str(os.geteuid())]
    parts += [privileges.status("CapEff"), privileges.status("Seccomp"), _text("/proc/self/uid_map")]
    parts += [f"{name}={value}" for name, value in settings(token).items()]
    return f"features-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}.json"


def _kept(name: str) -> Features | None:
    data = cache.read(name)
    try:
        found = json.loads(data) if data is not None else None
        return _from_json(found) if isinstance(found, dict) and found.get("version") == VERSION else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read(4096).strip()
    except OSError:
        return ""


def settings(token: Token | None = None) -> dict[str, str]:
    """What decides what is allowed, and how fast it is."""
    jit = {"0": "off: programs are interpreted", "1": "on", "2": "on, with its output in the kernel's log"}
    disabled = privileges.unprivileged_bpf_disabled()
    found = {
        "capabilities": ", ".join(privileges.effective()) or "none that BPF is about",
        "user namespace": "yes: its capabilities don't count for BPF" if privileges.in_user_namespace() else "no",
        "unprivileged BPF": {None: "unknown", 0: "allowed"}.get(disabled, f"not allowed ({disabled})"),
        "JIT": jit.get(_text("/proc/sys/net/core/bpf_jit_enable"), "unknown"),
        "JIT hardening": {"0": "off", "1": "for unprivileged users", "2": "for all"}.get(
            _text("/proc/sys/net/core/bpf_jit_harden"), "unknown"
        ),
        "lockdown": privileges.lockdown() or "unknown",
        "security modules": ", ".join(privileges.security_modules()) or "unknown",
        "seccomp filter": "no" if privileges.status("Seccomp") in ("", "0") else "yes",
        "kernel types (BTF)": "yes" if os.path.exists("/sys/kernel/btf/vmlinux") else "no",
    }
    if token is not None:
        found["BPF token"] = f"of {token.path}: {shown(token.delegated)}"
    for name, kind in (("bpf file system", "bpf"), ("tracefs", "tracefs"), ("cgroup2", "cgroup2")):
        found[name] = privileges.mounted(kind) or "not mounted"
    return found


def explain_refusal(
    error: OSError,
    since: Version | None,
    capabilities: tuple[str, ...],
    needs: str,
    log: str = "",
    token: Token | None = None,
) -> str:
    """Why something doesn't work here, in words."""
    version = running_version()
    if error.errno in (errno.EPERM, errno.EACCES) and not log.strip():
        asked = privileges if token is None else token
        return asked.why_refused(capabilities)
    if since is not None and version is not None and version < since:
        return f"needs Linux {show_version(since)}"
    if needs:
        return f"this kernel is built without {needs}, perhaps ({_said(error, log)})"
    return f"this kernel doesn't have it ({_said(error, log)})"


def _said(error: OSError, log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line and not line.startswith(("processed", "0:"))]
    return lines[-1] if lines else error.strerror or str(error)


def _programs(token: Token | None) -> Iterable[Feature]:
    btf = _btf()
    for row in LEAST_PROGRAMS:
        if not row.by_link:
            yield Feature("program", row.name, row.since, _program(row, btf, token))


def _btf() -> Btf | None:
    try:
        return Btf.running()
    except (BtfError, OSError):
        return None


def _program(row: LeastProgram, btf: Btf | None, token: Token | None) -> str:
    import ctypes

    log = ctypes.create_string_buffer(1 << 16)
    try:
        load_least(row, btf, log, token=fd_of(token)).close()
    except LookupError as error:
        return str(error)
    except OSError as error:
        said = log.value.decode(errors="replace")
        return explain_refusal(error, row.since, row.capabilities, row.needs, said, token)
    return ""


def load_least(
    row: LeastProgram, btf: Btf | None, log: Any = None, code: bytes = b"", token: int = 0
) -> sys.Descriptor:
    """Load the smallest program of the kind, or `code`. Raises OSError, and LookupError for one whose target isn't
    here."""
    target, member = _target(row, btf)
    return sys.prog_load(
        *(row.type, code or returns(row.result), "GPL"),
        flags=row.flags,
        expected_attach_type=row.attach if member is None else member,
        attach_btf_id=target,
        log=log,
        log_level=1 if log is not None else 0,
        token=token,
    )


def _target(row: LeastProgram, btf: Btf | None) -> tuple[int, int | None]:
    """The BTF id of the target, and the number of the member."""
    if not row.target:
        return 0, None
    if btf is None:
        raise LookupError("needs the kernel's types (/sys/kernel/btf/vmlinux), which this kernel doesn't show")
    struct_name, _, member = row.target.partition(".")
    kind = Kind.STRUCT if member else Kind.TYPEDEF if row.target.startswith("btf_trace_") else Kind.FUNC
    found = btf.find(struct_name, kind)
    type = btf.type(found) if found is not None and member else None
    names = [each.name for each in type.members] if isinstance(type, Struct) else []
    if found is None or (member and member not in names):
        missing = f" (without {row.needs}, perhaps)" if row.needs else ""
        raise LookupError(f"this kernel has no {row.target}{missing}")
    return found, names.index(member) if member else None


def _maps(token: Token | None) -> Iterable[Feature]:
    fd = fd_of(token)
    types, inner = _or_none(lambda: plain_types(fd)), _or_none(lambda: sys.map_create(MapType.ARRAY, 4, 4, 1, token=fd))
    for kind in LEAST_MAPS:
        why = ""
        try:
            least_map(kind, types, inner, token=fd).close()
        except OSError as error:
            why = explain_refusal(error, MAP_SINCE[kind], MAPS.get(kind, ("CAP_BPF",)), "", token=token)
        yield Feature("map", kind.name, MAP_SINCE[kind], why)
    for descriptor in (types, inner):
        if descriptor is not None:
            descriptor.close()


def least_map(
    kind: MapType, types: sys.Descriptor | None, inner: sys.Descriptor | None, flags: int = 0, token: int = 0
) -> sys.Descriptor:
    """Make the smallest map of the kind; `types` are those of `plain_types`, and `inner` a map for others to hold.
    Raises OSError."""
    row = LEAST_MAPS[kind]
    if row.typed and types is None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))  # no types could be loaded either
    return sys.map_create(
        *(kind, row.key, row.value, row.entries, row.flags | flags),
        btf_fd=types.fd if types and row.typed else 0,
        key_type_id=1 if row.typed else 0,
        value_type_id=2 if row.typed else 0,
        inner_fd=inner.fd if inner and row.holds_maps else 0,
        token=token,
    )


def plain_types(token: int = 0) -> sys.Descriptor:
    """BTF with a u32 (type 1) and a u64 (type 2). Raises OSError."""
    strings = b"\0u32\0u64\0"
    types = struct.pack("=4I4I", 1, 1 << 24, 4, 32, 5, 1 << 24, 8, 64)
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return sys.btf_load(header + types + strings, token)


def _or_none(make: Callable[[], sys.Descriptor]) -> sys.Descriptor | None:
    try:
        return make()
    except OSError:
        return None


def _attached(token: Token | None) -> Iterable[Feature]:
    btf = _btf()
    rows = {row.name: row for row in LEAST_PROGRAMS}
    for each in TRIES:
        row = rows[each.program]
        try:
            with load_least(row, btf, token=fd_of(token)) as program:
                why = attached(each, program)
        except LookupError as error:
            why = str(error)
        except OSError as error:
            refused = explain_refusal(error, row.since, row.capabilities, row.needs, token=token)
            why = f"no such program can be loaded: {refused}"
        yield Feature("attach", each.name, each.since, why)


def _instructions(token: Token | None) -> Iterable[Feature]:
    since = dict(INSTRUCTION_SETS)
    for name, code in SAMPLES.items():
        why = ""
        try:
            sys.prog_load(RETURNS, code, "GPL", token=fd_of(token)).close()
        except OSError as error:
            why = explain_refusal(error, since.get(name), ("CAP_BPF",), "", token=token)
        yield Feature("instructions", name, since.get(name), why)


def _helpers(loaded: set[str], token: Token | None = None) -> dict[str, tuple[str, ...]]:
    """Which helpers the verifier lets each kind of program call: it says so before it looks at their arguments."""
    import ctypes

    btf, found = _btf(), {}
    log = ctypes.create_string_buffer(1 << 12)
    for row in LEAST_PROGRAMS:
        if row.name not in loaded:
            continue
        names = []
        for helper in HELPERS:
            log.raw = bytes(len(log))
            try:
                load_least(row, btf, log, call(helper.id) + returns(row.result), fd_of(token)).close()
            except OSError:
                said = log.value.decode(errors="replace")
                if any(words in said for words in _UNKNOWN) or not said:
                    continue
            names.append(helper.name)
        found[row.name] = tuple(names)
    return found


_UNKNOWN: Final = ("cannot use helper", "unknown func", "invalid func", "not supported", "supported only for")
"""What verifiers say of helpers that a program may not call."""
