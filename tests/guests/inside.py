"""Runs in the guest: loads objects, runs them on their inputs, and leaves what came out. Called by `differential.py`.

    python inside.py FOLDER

`FOLDER/programs` has a line of JSON for each: its number, its object, its inputs. `FOLDER/outcomes` gets one for each:
what came out, and how many instructions the verifier went through.
"""

from __future__ import annotations

import base64
import ctypes
import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "differential"), str(Path(__file__).parents[2])]

from running import Inputs, Kernel

from pyebpf.loader import sys as bpf
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object

STATISTICS = 4
"""BPF_LOG_STATS: of the verifier's log only the last lines. Unlike `verified_insns` it is in 5.10 too."""
_load = bpf.prog_load
_processed: list[int] = []


def load_and_count(*arguments: Any, log: Any = None, log_level: int = 0, **options: Any) -> Any:
    """`prog_load` that keeps how many instructions the verifier went through."""
    if log is not None:
        return _load(*arguments, log=log, log_level=log_level, **options)
    statistics = ctypes.create_string_buffer(1 << 20)
    found = _load(*arguments, log=statistics, log_level=STATISTICS, **options)
    _processed.extend(int(count) for count in re.findall(rb"^processed (\d+) insns", statistics.value, re.MULTILINE))
    return found


def inputs(values: list[Any]) -> Inputs:
    numbers, array, name, table = values
    return Inputs(tuple(numbers), tuple(array), name, {int(key): value for key, value in table.items()})


def attempt(kernel: Kernel, program: dict[str, Any]) -> dict[str, Any]:
    """The outcomes, or why there are none."""
    _processed.clear()
    try:
        with load_object(read_object(base64.b64decode(program["object"]))) as loaded:
            found = [kernel._run_case(loaded, inputs(case)) for case in program["cases"]]
    except Exception as error:
        return {"number": program["number"], "error": f"{type(error).__name__}: {error}"}
    outcomes = [[one.outputs, one.fault, list(one.entry), one.table] for one in found]
    return {"number": program["number"], "outcomes": outcomes, "verified": sum(_processed)}


def main() -> None:
    folder = Path(sys.argv[1])
    bpf.prog_load = load_and_count
    kernel = Kernel(None)  # type: ignore[arg-type] - what is to be run was compiled by the host
    with open(folder / "programs") as programs, open(folder / "outcomes", "w") as outcomes:
        for line in programs:
            outcomes.write(json.dumps(attempt(kernel, json.loads(line))) + "\n")
            outcomes.flush()


if __name__ == "__main__":
    main()
