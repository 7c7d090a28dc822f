from pyebpf import tracepoint

probe = tracepoint("raw_syscalls:sys_enter")(lambda ctx: 0)  # error
