from pyebpf import Array, struct, tracepoint, u64


@struct
class Event:
    values: u64[4]


cells = Array[Event](max_entries=1)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for field in cells[0]:  # error
        print(field)
    for item in zip(cells[0].values, 8):  # error
        print(item)
    for value in reversed(enumerate(cells[0].values)):  # error
        print(value)
