"""What kernels say of the programs in `refused/`: their logs, in `logs/KERNEL.test` for tests without such kernels.

    python tests/loader/record_logs.py                      # each kernel, as a guest (tests/guests/machine.py)
    python tests/loader/record_logs.py --kernel 7.3         # one of them

A log is kept as the loader asked for it. Addresses, which are others each time, are written as one. What pyebpf makes
of them is written by `pytest tests/loader/test_logs.py --update-golden`. In the guest it is called with `--here`, and a
folder of objects.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "loader"), str(ROOT / "tests" / "guests")]

import refused_programs

from pyebpf.loader.load import load_object
from pyebpf.loader.verifier import VerifierError
from pyebpf.object.read import read_object

KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")
_ADDRESS = re.compile(r"(?<= = )0x[0-9a-f]{9,16}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernel", action="append", choices=KERNELS)
    parser.add_argument(
        "--here", type=Path, metavar="FOLDER", help="load the objects of a folder, and leave logs in it"
    )
    given = parser.parse_args()
    if given.here is not None:
        here(given.here)
        return 0
    for kernel in given.kernel or KERNELS:
        record(kernel)
    return 0


def here(folder: Path) -> None:
    """Load each object, and write what the verifier said as one document."""
    said = {}
    for path in sorted(folder.glob("*.o")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load_object(read_object(path.read_bytes())).close()
            except VerifierError as error:
                said[path.stem] = error.log
    (folder / "said.json").write_text(json.dumps(said))


def record(kernel: str) -> None:
    """Have a guest say it, and keep it."""
    from machine import place, run

    with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as name:
        exchange = Path(name)
        for program in refused_programs.recorded():
            (exchange / f"{program}.o").write_bytes(refused_programs.build(program))
        python, project = place(kernel)
        script = project / "tests" / "loader" / "record_logs.py"
        ended = run(kernel, f"{python} {script} --here /run/exchange", exchange)
        if ended.code != 0:
            raise RuntimeError(f"the guest of {kernel} failed:\n{ended.console}")
        said: dict[str, str] = json.loads((exchange / "said.json").read_text())
    cases = []
    for program, log in sorted(said.items()):
        text = _ADDRESS.sub("0xffff888000000000", log)
        cases.append(f"[case {program}]\n{text.strip()}\n\n[shown]\n")
    refused_programs.LOGS.mkdir(exist_ok=True)
    (refused_programs.LOGS / f"{kernel}.test").write_text("\n".join(cases))
    print(f"{kernel}: {len(said)} of {len(refused_programs.recorded())} refused")


if __name__ == "__main__":
    sys.exit(main())
