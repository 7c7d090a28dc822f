from enum import IntEnum

from pyebpf import Array, struct, tracepoint, u32, u64


class Action(IntEnum):
    READ = 1
    WRITE = 2


@struct
class Row:
    count: u64
    action: Action
    number: u32


rows = Array[Row](max_entries=1)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    row = rows[0]
    row.count = row.number.to_bytes(4)  # error
