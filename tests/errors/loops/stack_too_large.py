from pyebpf import Array, char, tracepoint, u64, user_str

seen = Array[u64](max_entries=1)


@tracepoint("syscalls:sys_enter_execve")
def probe(ctx):
    name: char[40000] = user_str(ctx.filename)  # error
    if name == "bash":
        seen[0] += 1
