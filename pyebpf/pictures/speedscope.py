"""The file format of speedscope (https://www.speedscope.app/file-format-schema.json): samples with weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyebpf.pictures.frames import Frame, StackCount
from pyebpf.pictures.names import visible
from pyebpf.pictures.tree import KEY, key_text

SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
UNITS: Final = {
    "ns": "nanoseconds",
    "us": "microseconds",
    "µs": "microseconds",
    "ms": "milliseconds",
    "s": "seconds",
    "bytes": "bytes",
}
"""Units that the format has; all others are `none`."""


def speedscope(stacks: Sequence[StackCount], *, title: str = "pyebpf", unit: str = "samples", keys: bool = True) -> str:
    """The stacks as JSON. `keys` makes parts of keys the outermost frames."""
    return speedscope_file({title: stacks}, title, unit=unit, keys=keys)


def speedscope_file(
    profiles: Mapping[str, Sequence[StackCount]], title: str, *, unit: str = "samples", keys: bool = True
) -> str:
    """Stacks of several maps in one file, as a profile each."""
    frames = _Frames()
    document = {
        "$schema": SCHEMA,
        "shared": {"frames": frames.all},
        "profiles": [_profile(name, stacks, frames, unit, keys) for name, stacks in profiles.items()],
        "name": visible(title),
        "activeProfileIndex": 0,
        "exporter": "pyebpf",
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


class _Frames:
    """The frames of a file, by number."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._numbers: dict[tuple[Any, ...], int] = {}

    def number(self, kind: str, frame: Frame) -> int:
        identity = (kind, frame.name, frame.module, frame.file, frame.line)
        if identity not in self._numbers:
            self._numbers[identity] = len(self.all)
            self.all.append(_frame(frame))
        return self._numbers[identity]


def _profile(name: str, stacks: Sequence[StackCount], frames: _Frames, unit: str, keys: bool) -> dict[str, Any]:
    by_object: dict[int, int] = {}
    samples, weights = [], []
    for stack in stacks:
        if stack.count <= 0:
            continue
        path = [frames.number(KEY, Frame(key_text(part))) for part in stack.key] if keys else []
        for frame in reversed(stack.frames):
            known = by_object.get(id(frame))  # many stacks have the same frames
            if known is None:
                known = by_object[id(frame)] = frames.number(frame.kind, frame)
            path.append(known)
        samples.append(path)
        weights.append(stack.count)
    return {
        "type": "sampled",
        "name": visible(name),
        "unit": UNITS.get(unit, "none"),
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }


def _frame(frame: Frame) -> dict[str, Any]:
    found: dict[str, Any] = {"name": visible(frame.name) or "[unknown]"}
    if frame.file or frame.module:
        found["file"] = visible(frame.file or frame.module)
    if frame.line > 0:
        found["line"] = frame.line
    return found
