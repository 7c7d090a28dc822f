"""Runs in the guest: loads, attaches, fires and reads back every case. Called by `matrix.py`.

    python trying.py FOLDER [tables]

`FOLDER/trials` has a line of JSON for each trial: its number, its case, its object, and who is to load it.
`FOLDER/outcomes` gets a line before each, with its number alone, by which is known what a kernel has died of, and one
behind it. With `tables` `FOLDER/facts` gets what `facts.py` says.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from case import FOLDER, PATHS, import_case

sys.path[:0] = PATHS

from as_libbpf import Different, equal_by_both
from by_libbpf import session_by_libbpf
from facts import facts
from run_kernel import bpf_ids, left_over

import pyebpf
from pyebpf import Session
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.loader.errors import LoadWarning
from pyebpf.object.read import read_object

PATIENCE: Final = 90
"""Seconds for one trial."""
MODPROBE: Final = "/run/modprobe"


def loaded_and_checked(trial: dict[str, Any]) -> dict[str, Any]:
    """How far it came: `load`, `attach`, `check`, or `ok`; and why no further.

    Where both are to load it, nothing is attached, and their instructions are compared instead of what comes out; if it
    is only to be loaded, that is all.
    """
    stage, elf = "start", b""
    path = FOLDER / f"{trial['case']}.py"
    try:
        module = import_case(path)
        for name in getattr(module, "MODULES", ()):
            subprocess.run([MODPROBE, name], check=True, capture_output=True)
        where = module.where() if hasattr(module, "where") else None
        config = module.config() if hasattr(module, "config") else None
        elf = base64.b64decode(trial["object"])
        attach = getattr(module, "ATTACH", True)
        stage = "load"
        if trial["loader"] == "both":
            equal = equal_by_both(elf, config)
            return {"stage": "ok", "why": "", "equal": [equal.programs, equal.instructions]}
        if trial.get("only_load"):
            with pyebpf.load(read_object(elf), config=config, attach=False):
                return {"stage": "ok", "why": ""}
        if trial["loader"] == "libbpf":
            opened: AbstractContextManager[Session] = session_by_libbpf(elf, config)
        else:
            opened = pyebpf.load(read_object(elf), where=where, config=config, attach=attach)
        with opened as session:
            stage = "check"
            module.check(session)
    except Different as error:
        return {"stage": "check", "why": str(error)}
    except Exception as error:
        if stage == "load" and trial["loader"] == "pyebpf" and loads(elf):
            stage = "attach"
        return {"stage": stage, "why": explained(error, path)}
    return {"stage": "ok", "why": ""}


def loads(elf: bytes) -> bool:
    """Whether it does without being attached."""
    try:
        pyebpf.load(read_object(elf), attach=False).close()
    except Exception:
        return False
    return True


def explained(error: Exception, case: Path) -> str:
    """The error in a line, with the line of the case where it was."""
    text = str(error).strip() or "assertion failed"
    steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename == str(case)]
    at = f" at {case.name}:{steps[-1].lineno} `{steps[-1].line}`" if steps else ""
    return f"{type(error).__name__}: {text}{at}"


def in_a_process(trial: dict[str, Any]) -> dict[str, Any]:
    """`loaded_and_checked` in a child of fork(2), which is ended when it takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        signal.alarm(PATIENCE)
        with open(writer, "w") as pipe:
            json.dump(loaded_and_checked(trial), pipe)
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if text:
        answer: dict[str, Any] = json.loads(text)
        return answer
    return {"stage": "check", "why": f"the process ended by signal {os.WTERMSIG(status)}"}


def warm_up() -> None:
    """What each trial would do for itself again, it finds done: imports, and the index of the kernel's types."""
    Btf.running().find("no such type", Kind.STRUCT)
    for part in ("cgroup", "link", "netdev", "raw_tracepoint", "socket", "tracepoint"):
        importlib.import_module(f"pyebpf.loader.attach.{part}")
    for part in ("embed", "runtime.session", "loader.core", "object.btf_raw", "lang.probes", "lang.maps"):
        importlib.import_module(f"pyebpf.{part}")


def main() -> None:
    folder = Path(sys.argv[1])
    warm_up()
    warnings.simplefilter("error", LoadWarning)
    with open(folder / "trials") as trials, open(folder / "outcomes", "w") as outcomes:
        for line in trials:
            trial = json.loads(line)
            print(json.dumps({"number": trial["number"]}), file=outcomes, flush=True)
            before, start = bpf_ids(), time.monotonic()
            answer = in_a_process(trial)
            seconds = round(time.monotonic() - start, 3)
            left = [] if trial.get("shared") else sorted(left_over(before, 2.0))  # others use BPF there, too
            if left and answer["stage"] == "ok":
                answer = {"stage": "check", "why": f"it left behind: {left}"}
            found = {"number": trial["number"], "seconds": seconds, **answer}
            print(json.dumps(found), file=outcomes, flush=True)
    if "tables" in sys.argv[2:]:
        subprocess.run([MODPROBE, "nf_conntrack"], check=True)  # it has kfuncs
        (folder / "facts").write_text(json.dumps(facts()))


if __name__ == "__main__":
    main()
