import sys

from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(pid(), file=sys.stderr)  # error
