"""Runs in a guest, as root: locks the kernel down, and prints what pyebpf says of programs then, as JSON.

python locked_down.py OBJECT.o…
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyebpf
from pyebpf.features import probe

LOCKDOWN = Path("/sys/kernel/security/lockdown")


def main() -> None:
    if not LOCKDOWN.exists():
        subprocess.run(["mount", "-t", "securityfs", "securityfs", "/sys/kernel/security"], check=True)
    found: dict[str, list[str]] = {}
    for state in ("none", "confidentiality"):
        if state != "none":
            LOCKDOWN.write_text(state)
        for path in sys.argv[1:]:
            said = ["", ""]
            try:
                pyebpf.load(path).close()
            except pyebpf.LoadError as error:
                said = [error.reason, str(error)]
            found[f"{Path(path).stem} {state}"] = said
    found["features"] = [probe(anew=True).settings["lockdown"]]
    print("FOUND " + json.dumps(found))


if __name__ == "__main__":
    main()
