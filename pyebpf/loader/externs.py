"""Finds what an object leaves to its loader of the kernel's configuration.

Options become an array map that is frozen before programs are loaded, so that the verifier knows their values and
drops what they rule out. Source: libbpf's conventions; what it does about each kind of extern.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, final

from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.loader.errors import ConfigError, LoadError
from pyebpf.loader.kallsyms import addresses
from pyebpf.object.specs import ExternSpec, MapSpec, Object
from pyebpf.records import dataclass

KCONFIG: Final = ".kconfig"
"""The name of the map that holds the options."""
_LARGEST: Final = 4 << 20
"""Bytes of a configuration; they have some 300,000."""
_TRISTATE: Final = {"n": 0, "y": 1, "m": 2}


@final
@dataclass(frozen=True, slots=True)
class Option:
    """A place in the map of options."""

    offset: int


def options(obj: Object, given: Mapping[str, object]) -> tuple[MapSpec | None, bytes, dict[str, Option]]:
    """The map of options, if the object has any, its contents, and where in it each is. `given`: values by name that
    are taken in place of the kernel's own. Raises LoadError, ConfigError."""
    wanted = [extern for extern in obj.externs if extern.section == KCONFIG]
    if not wanted:
        return None, b"", {}
    contents = bytearray()
    places: dict[str, Option] = {}
    known: dict[str, str] | None = None
    for extern in sorted(wanted, key=_layout):
        contents += bytes(-len(contents) % _alignment(extern))
        places[extern.name] = Option(len(contents))
        text = _given(extern, given[extern.name]) if extern.name in given else _own(extern.name)
        if text is None:
            known = _read_config() if known is None else known
            text = known.get(extern.name)
        if text is None and not extern.weak:
            raise LoadError(f"this kernel's configuration has no {extern.name}", "kernel")
        contents += _bytes(extern, text)
    flags = int(MapFlag.RDONLY_PROG)
    spec = MapSpec(KCONFIG, int(MapType.ARRAY), 4, len(contents), 1, flags, initial=bytes(contents), frozen=True)
    return spec, bytes(contents), places


def _alignment(extern: ExternSpec) -> int:
    return 1 if extern.kind == "text" else extern.size


def _layout(extern: ExternSpec) -> tuple[int, int, str]:
    """Where libbpf puts an option: those of the largest alignment first, then the shorter ones."""
    return -_alignment(extern), extern.size, extern.name


def _given(extern: ExternSpec, value: object) -> str:
    if isinstance(value, bool):
        return "y" if value else "n"
    if isinstance(value, str) and extern.kind == "text":
        return f'"{value}"'
    if isinstance(value, int | str):
        named = {number: letter for letter, number in _TRISTATE.items()}
        return named.get(value, "") if extern.kind == "tristate" and isinstance(value, int) else str(value)
    raise ConfigError(f"{extern.name} is a number, a truth value or text, not {type(value).__name__}")


def _own(name: str) -> str | None:
    """What isn't in the configuration."""
    match name:
        case "LINUX_KERNEL_VERSION":
            major, minor, patch = _version()
            return str(major << 16 | minor << 8 | min(patch, 255))
        case "LINUX_HAS_SYSCALL_WRAPPER":
            return "y" if addresses({f"__{_PREFIXES.get(os.uname().machine, '')}_sys_bpf"}) else "n"
        case "LINUX_HAS_BPF_COOKIE":
            return "y" if _version()[:2] >= (5, 15) else "n"
    return None


_PREFIXES: Final = {"x86_64": "x64", "aarch64": "arm64", "s390x": "s390x", "riscv64": "riscv"}


def _version() -> tuple[int, int, int]:
    """Of the kernel, as KERNEL_VERSION has it. Distributions that leave the patch level out of the release (5.10.0-46)
    give it elsewhere."""
    texts = [(r"Debian (\d+)\.(\d+)\.(\d+)", os.uname().version), (r"(\d+)\.(\d+)(?:\.(\d+))?", os.uname().release)]
    with suppress(OSError), open("/proc/version_signature") as file:
        texts.insert(0, (r"\S+ \S+ (\d+)\.(\d+)\.(\d+)", file.read(256)))  # Ubuntu
    found = next(filter(None, (re.search(pattern, text) for pattern, text in texts)))
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _read_config() -> dict[str, str]:
    """The running kernel's configuration. Raises LoadError."""
    import gzip

    places = (f"/boot/config-{os.uname().release}", "/proc/config.gz")
    for path in places:
        try:
            if os.path.exists(path):
                with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
                    return parse_config(file.read(_LARGEST).decode("utf-8", "replace"))
        except OSError as error:
            text = f"the kernel's configuration can't be read: {path}: {error.strerror or error}"
            raise LoadError(text, "kernel") from None
    raise LoadError(
        f"the program asks for the kernel's configuration, and neither {places[0]} nor {places[1]} is there; "
        "values can be given: config={'CONFIG_HZ': 250}",
        "kernel",
    )


def parse_config(text: str) -> dict[str, str]:
    """Options that are set, by name: `y`, `m`, a number, or text in quotes."""
    lines = (line.partition("=") for line in text.splitlines() if line.startswith("CONFIG_"))
    return {name: value.strip() for name, equals, value in lines if equals}


def _bytes(extern: ExternSpec, text: str | None) -> bytes:
    """The option as the program reads it; zeros where it isn't set."""
    if text is None:
        return bytes(extern.size)
    try:
        match extern.kind:
            case "bool":
                return bytes([{"n": 0, "y": 1}[text]])
            case "tristate":
                return struct.pack("=I", _TRISTATE[text])
            case "char":
                return text.encode() if text in _TRISTATE else _number(extern, text)
            case "text" if text.startswith('"') and text.endswith('"') and len(text) > 1:
                return _unquoted(text)[: extern.size - 1].ljust(extern.size, b"\0")
            case "integer":
                return _number(extern, text)
        raise ValueError
    except (KeyError, ValueError, OverflowError):
        what = {"text": "text", "bool": "a truth value", "tristate": "y, m or n"}.get(extern.kind, "a number")
        raise LoadError(f"{extern.name} is {text}, and the program takes it for {what}", "object") from None


def _number(extern: ExternSpec, text: str) -> bytes:
    from sys import byteorder

    return int(text, 0).to_bytes(extern.size, byteorder, signed=extern.signed)


def _unquoted(text: str) -> bytes:
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\").encode()
