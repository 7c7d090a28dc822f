from pyebpf import Array, char, struct, tracepoint, u32, u64

@struct
class Row:
    name: char[16]
    path: char[64]
    short: char[8]
    count: u64
    number: u32

rows = Array[Row](max_entries=1)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    row = rows[0]
    row.count = ord(row.name)  # may be one character: TypeError if not
    row.count = ord("ab")  # error
