from pyebpf import Global, comm, pid, tracepoint

out = Global[bool](False)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    out.value = (1, comm()) == (1, pid())  # error
    out.value = (1, 2) < pid()  # error
    out.value = (1, None) < (1, pid())  # error
    out.value = (1, 2) is (1, 2)  # error
