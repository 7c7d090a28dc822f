# options: --kernel 6.0
from pyebpf import Global, UserRingBuf, raw_tracepoint, u32, u64

numbers = UserRingBuf[u32](size=4096)
total = Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    for number in numbers:  # error
        total.value += number
