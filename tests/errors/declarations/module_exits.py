import sys

from pyebpf import tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print("called")


sys.exit("use it as a module")  # error
