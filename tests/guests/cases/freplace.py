"""A program takes the place of another, and of a function of one that clang has made; and goes again."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from surroundings import test_run

import pyebpf
from pyebpf import XDP, Ethernet, Hash, freplace, u16, u64, xdp

SINCE = (5, 10)
JIT = True
ATTACH = False
LIBBPF = False  # it would have to be told the target
MACHINES = ("x86_64",)  # which have the host's clang
kinds = Hash[u16, u64](max_entries=16)
SOURCE = r"""
struct xdp_md { unsigned data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
__attribute__((noinline)) int decide(struct xdp_md *ctx) { volatile int answer = 2; return answer; }
__attribute__((section("xdp"), used)) int entry(struct xdp_md *ctx) { return decide(ctx); }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""
REPLACED = r"""
struct xdp_md { unsigned data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
__attribute__((section("freplace/decide"), used)) int other(struct xdp_md *ctx) { return 1; }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


@xdp
def passing(packet):
    return XDP.PASS


@freplace("passing", xdp)
def counting(packet):
    kinds[packet.parse(Ethernet).proto] += 1
    return XDP.TX


@freplace("decide", xdp)
def deciding(packet):
    return XDP.DROP if packet.load(12, u16) == 0 else XDP.PASS


def where():
    return {"counting": "passing", "deciding": clang(SOURCE).programs["entry"]}


KEPT = []


def clang(source):
    """An object of clang's, loaded."""
    folder = Path(tempfile.mkdtemp(dir="/run"))
    (folder / "a.c").write_text(source)
    found = shutil.which("clang") or max(map(str, Path("/usr/lib").glob("llvm-*/bin/clang")))
    command = [found, "-O2", "-g", "-target", "bpf", "-c", str(folder / "a.c"), "-o", str(folder / "a.o")]
    subprocess.run(command, check=True)
    KEPT.append(pyebpf.load(folder / "a.o", attach=False, where={"other": KEPT[0].programs["entry"]} if KEPT else None))
    return KEPT[-1]


def check(session):
    frame = bytes(12) + b"\x88\xb6" + bytes(50)
    entry = KEPT[0].programs["entry"]
    assert entry.test_run(bytes(64)).result == test_run(session, "passing", frame) == XDP.PASS
    session.attach("counting", "passing")
    session.attach("deciding", entry)
    assert test_run(session, "passing", frame) == XDP.TX and session.maps["kinds"].to_dict() == {0x88B6: 1}
    assert [entry.test_run(data).result for data in (frame, bytes(64))] == [XDP.PASS, XDP.DROP]
    assert session.links["counting"].info.kind == "function of the kernel"
    for link in session.links:
        link.detach()
    assert test_run(session, "passing", frame) == XDP.PASS and entry.test_run(bytes(64)).result == XDP.PASS
    other = clang(REPLACED)
    link = other.attach("other", entry.id)
    assert entry.test_run(frame).result == XDP.DROP
    link.detach()
    assert entry.test_run(frame).result == XDP.PASS
    for name, message in (("nothing", "no program nothing"), (session.programs["passing"], "has no function decide")):
        try:
            session.attach("deciding", name)
        except pyebpf.LoadError as error:
            assert message in str(error), error
        else:
            raise AssertionError(name)
    assert not session.faults
    for kept in reversed(KEPT):
        kept.close()
