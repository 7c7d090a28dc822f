"""What is in the kernel's structs is for programs under the GPL only."""

from pyebpf import Global, tp_btf, u64

__license__ = "Proprietary"
out = Global[u64](0)


@tp_btf("sched_switch")
def probe(prev):
    out.value = prev.tgid  # error
