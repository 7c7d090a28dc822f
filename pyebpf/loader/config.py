"""Writes the values of Configs into the contents of `.rodata` before it is frozen."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping

from pyebpf import layout
from pyebpf.loader.errors import ConfigError
from pyebpf.metadata import VariableInfo
from pyebpf.object.specs import Object


def initial_contents(obj: Object, config: Mapping[str, object]) -> dict[str, bytes]:
    """First contents of every data section, with `config` applied. Raises ConfigError."""
    contents = {spec.name: bytearray(spec.initial) for spec in obj.maps if spec.initial is not None}
    configs = {variable.name: variable for variable in obj.metadata.variables if variable.kind == "Config"}
    for name, value in config.items():
        variable = configs.get(name)
        if variable is None:
            near = difflib.get_close_matches(name, configs, 1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; it has {', '.join(configs) or 'none'}"
            raise ConfigError(f"the object has no Config `{name}`{hint}")
        data = _bytes(variable, value)
        section = contents.get(variable.cell.section)
        start = variable.cell.offset
        if section is None or start + len(data) > len(section):
            raise ConfigError(f"Config `{name}` lies outside of section {variable.cell.section}")
        section[start : start + len(data)] = data
    return {name: bytes(data) for name, data in contents.items()}


def _bytes(variable: VariableInfo, value: object) -> bytes:
    kind, name = variable.type, variable.name
    if isinstance(kind, layout.Enumeration):
        named = dict(kind.members)
        if isinstance(value, str) and value in named:
            value = named[value]
        if value not in named.values():
            raise ConfigError(f"Config `{name}` is a {kind}: one of {', '.join(named)}, not {value!r}")
        kind = kind.base
    if isinstance(kind, layout.Boolean):
        if not isinstance(value, bool):
            raise ConfigError(f"Config `{name}` is a bool, not {value!r}")
        return bytes([value])
    if isinstance(kind, layout.Text):
        data = value.encode() if isinstance(value, str) else value
        if not isinstance(data, bytes) or len(data) > kind.length:
            raise ConfigError(f"Config `{name}` takes text of at most {kind.length} bytes, not {value!r}")
        return data.ljust(kind.length, b"\0")
    if isinstance(kind, layout.Address) or (isinstance(kind, layout.Integer) and kind.view == "ipv4"):
        return _address(name, kind.size, value)
    if not isinstance(kind, layout.Integer):
        raise ConfigError(f"Config `{name}` is a {kind}, which can't be set")
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"Config `{name}` is a {kind}, not {value!r}")
    if not kind.minimum <= value <= kind.maximum:
        raise ConfigError(
            f"Config `{name}` is a {kind}, from {kind.minimum} to {kind.maximum}; {value} is out of range"
        )
    return value.to_bytes(kind.size, "big" if kind.big_endian else sys.byteorder, signed=kind.signed)


def _address(name: str, size: int, value: object) -> bytes:
    import ipaddress

    try:
        if size == 6:
            data = bytes.fromhex(str(value).replace(":", ""))
        else:
            data = ipaddress.ip_address(value).packed  # type: ignore[arg-type]
    except ValueError:
        data = b""
    if len(data) != size:
        raise ConfigError(f"Config `{name}` takes an address of {size} bytes, not {value!r}")
    return data
