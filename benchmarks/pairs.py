"""Programs that have a twin in C: where they are, and on which packet each pair runs for its time."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from common import NAMES, ROOT, SAMPLES

from pyebpf.loader import sys as sys_bpf
from pyebpf.loader.load import LoadedObject, load_object
from pyebpf.object.read import read_object
from pyebpf.records import dataclass

PORTS: Final = ROOT / "tests" / "ports"
sys.path.append(str(PORTS))

from packets import SYN, ethernet, ipv4, tcp, udp  # noqa: E402

TURNS: Final = 7
"""How often a program is timed; the shortest counts."""
REPEAT: Final = 20_000
"""Runs at a time."""
UDP, TCP, VLAN, IPV4 = 17, 6, 0x8100, 0x0800
SERVICE: Final = "10.0.0.1"
OPTIONS: Final = bytes.fromhex("020405b4 0402 080a 0102030400000000 01 030307")
"""As Linux sends them: maximum segment size, SACK, timestamps, padding, window scale."""


@final
@dataclass(frozen=True)
class Pair:
    """A program, and what it runs on."""

    name: str
    source: Path
    packet: bytes = b""
    """None where the kernel runs such a program only when it happens."""
    fill: Callable[[LoadedObject], None] | None = None
    repeat: int = REPEAT


def _service(loaded: LoadedObject) -> None:
    """One service, whose only back end has the same address: what it sends out can come in again."""
    address = bytes(map(int, SERVICE.split(".")))
    sys_bpf.map_update(loaded.maps["services"].fd, address + struct.pack("<Hxx", 53), bytes(4))
    sys_bpf.map_update(loaded.maps["backends"].fd, bytes(4), address + bytes(range(6)) + bytes(14))


def _ports() -> tuple[Pair, ...]:
    tagged = ethernet(struct.pack(">HHHH", 5, VLAN, 6, IPV4) + ipv4(b"", UDP), proto=VLAN)
    plain = ethernet(ipv4(udp(bytes(32)), UDP, dest=SERVICE))
    syn = ethernet(ipv4(tcp(flags=SYN, options=OPTIONS), TCP))
    found = {
        "crc32": (bytes(range(128)), None, 1_000),
        "siphash": (plain, None, REPEAT),
        "vlan_stack": (tagged, None, REPEAT),
        "token_bucket": (plain, None, REPEAT),
        "load_balancer": (plain, _service, REPEAT),
        "tcp_options": (syn, None, 200),  # more records than the ring holds are dropped
    }
    return tuple(Pair(name, PORTS / "programs" / f"{name}.py", *rest) for name, rest in found.items())


PACKETS: Final = {
    "xdp_firewall": ethernet(ipv4(udp(bytes(32)), UDP)),
    "egress": ethernet(ipv4(udp(bytes(32)), UDP)),
}
YARDSTICK: Final = tuple(Pair(name, SAMPLES / f"{name}.py", PACKETS.get(name, b"")) for name in NAMES)
"""The samples, for which the limit holds."""
OTHERS: Final = _ports()
"""Denser programs, out of the tests."""


def time(pair: Pair, path: Path) -> int:
    """Nanoseconds of one run of the object at `path`; 0 if it can't be run."""
    if not pair.packet:
        return 0
    found = []
    for _ in range(TURNS):
        with load_object(read_object(path.read_bytes())) as loaded:
            if pair.fill is not None:
                pair.fill(loaded)
            (program,) = loaded.programs.values()
            found.append(sys_bpf.prog_test_run(program.fd, pair.packet, repeat=pair.repeat)[2])
    return min(found)
