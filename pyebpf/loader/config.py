"""Writes the values of Configs into the contents of `.rodata` before it is frozen."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from pyebpf import layout
from pyebpf.encode import encode, number_format
from pyebpf.loader.errors import ConfigError
from pyebpf.metadata import VariableInfo
from pyebpf.nearest import get_close_matches
from pyebpf.object.specs import Object


def initial_contents(obj: Object, config: Mapping[str, object]) -> dict[str, bytes]:
    """First contents of every data section, with `config` applied. Raises ConfigError."""
    contents = {spec.name: bytearray(spec.initial) for spec in obj.maps if spec.initial is not None}
    configs = {variable.name: variable for variable in obj.metadata.variables if variable.kind == "Config"}
    for name, value in config.items():
        variable = configs.get(name)
        if variable is None:
            near = get_close_matches(name, configs, 1)
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
    kind, what = variable.type, f"Config `{variable.name}`"
    try:
        data = encode(kind, value, what)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(str(error)) from None
    if (
        isinstance(kind, layout.Enumeration)
        and struct.unpack(number_format(kind.base), data)[0] not in dict(kind.members).values()
    ):
        raise ConfigError(f"{what}: {kind} has no member {value}; there are {', '.join(dict(kind.members))}")
    return data
