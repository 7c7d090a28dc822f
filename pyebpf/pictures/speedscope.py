"""The file format of speedscope (https://www.speedscope.app/file-format-schema.json): samples with weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    frames: list[dict[str, Any]] = []
    numbers: dict[tuple[Any, ...], int] = {}
    by_object: dict[int, int] = {}

    def number(kind: str, frame: Frame) -> int:
        identity = (kind, frame.name, frame.module, frame.file, frame.line)
        if identity not in numbers:
            numbers[identity] = len(frames)
            frames.append(_frame(frame))
        return numbers[identity]

    samples, weights = [], []
    for stack in stacks:
        if stack.count <= 0:
            continue
        path = [number(KEY, Frame(key_text(part))) for part in stack.key] if keys else []
        for frame in reversed(stack.frames):
            known = by_object.get(id(frame))  # many stacks have the same frames
            if known is None:
                known = by_object[id(frame)] = number(frame.kind, frame)
            path.append(known)
        samples.append(path)
        weights.append(stack.count)
    profile = {
        "type": "sampled",
        "name": visible(title),
        "unit": UNITS.get(unit, "none"),
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    document = {
        "$schema": SCHEMA,
        "shared": {"frames": frames},
        "profiles": [profile],
        "name": visible(title),
        "activeProfileIndex": 0,
        "exporter": "pyebpf",
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _frame(frame: Frame) -> dict[str, Any]:
    found: dict[str, Any] = {"name": visible(frame.name) or "[unknown]"}
    if frame.file or frame.module:
        found["file"] = visible(frame.file or frame.module)
    if frame.line > 0:
        found["line"] = frame.line
    return found
