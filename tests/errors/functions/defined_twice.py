from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if pid() > 5:
        def size():
            return 1
    else:
        def size():  # error
            return 2

    pid_now = pid()

    def pid_now():  # error
        return 3
