from pyebpf import Hash, function, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@function
def even(n):
    return True if n == 0 else odd(n - 1)


@function
def odd(n):
    return False if n == 0 else even(n - 1)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if even(pid()):
        counts[0] += 1
