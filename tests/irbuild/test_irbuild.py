"""What the IR builder makes of each construct: golden cases of source and printed IR.

The IR stands as it leaves the builder: checks that are proven needless later are still there, and so is every `prove`.
`pytest tests/irbuild --update-golden` writes the IR anew; read what changed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyebpf.compiler import parse, resolve
from pyebpf.ir.printer import print_program
from pyebpf.ir.validate import validate
from pyebpf.irbuild.program import Request, build_module

HERE = Path(__file__).parent
CASE = re.compile(
    r"^\[case (?P<name>\w+)\]\n(?P<source>.*?)^\[ir\]\n(?P<ir>.*?)(?=^\[case |\Z)", re.MULTILINE | re.DOTALL
)
PRELUDE = """\
from pyebpf import *
from pyebpf import ETH_P_IP, Ethernet, IPv4, Tcp
from pyebpf.helpers import csum_diff, jiffies64, ringbuf_query, strtol, xdp_adjust_head, xdp_load_bytes
from pyebpf.kfuncs import bpf_strlen, bpf_xdp_ct_lookup

@struct
class Event:
    pid: u32
    name: char[16]
    values: u16[4]

counts = Hash[u32, u64](max_entries=16)
own = PerCpuHash[u32, u64](max_entries=16)
stats = Hash[u32, Event](max_entries=16)
cells = Array[u64](max_entries=8)
events = RingBuf[Event](size=4096)
blobs = RingBuf[bytes](size=4096)
times = Histogram(unit="ns")
total = Global[u64](0)
limit = Config[u32](7)
SIZE = 6

"""


def cases() -> list[pytest.ParameterSet]:
    found = []
    for file in sorted(HERE.glob("*.test")):
        for match in CASE.finditer(file.read_text()):
            found.append(pytest.param(file, match, id=f"{file.stem}/{match['name']}"))
    return found


def build(source: str, folder: Path) -> str:
    """The IR of every probe in `source`."""
    path = folder / "probe.py"
    path.write_text(PRELUDE + source)
    unit = resolve(path)
    request = Request(
        probes=unit.probes,
        title=unit.title,
        license=unit.license,
        names=unit.names,
        variables=unit.variables,
        public=(),
        parse=parse,
        btf=None,
    )
    module = build_module(request)
    validate(module)
    return "\n".join(print_program(program) for program in module.programs)


@pytest.mark.parametrize(("file", "case"), cases())
def test_ir(file: Path, case: re.Match[str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    printed = build(case["source"], tmp_path)
    if request.config.getoption("--update-golden", default=False):
        old = case.group(0)
        new = f"[case {case['name']}]\n{case['source']}[ir]\n{printed}\n"
        file.write_text(file.read_text().replace(old, new))
        return
    assert printed.strip() == case["ir"].strip()
