# options: --kernel 6.6
from pyebpf import tracepoint
from pyebpf.kfuncs import bpf_modify_return_test_tp


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    bpf_modify_return_test_tp(1)  # warning
