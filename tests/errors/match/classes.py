from pyebpf import Hash, struct, tracepoint, u32, u64


@struct
class Point:
    x: u32
    y: u32


points = Hash[u32, Point](max_entries=8)
counts = Hash[u32, u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match points[1]:
        case Point(1, 2):  # error
            counts[0] = 1
        case Point(1, x=2):  # error
            counts[0] = 2
        case Point(z=1):  # error
            counts[0] = 3
        case Pint(x=1):  # error
            counts[0] = 4
        case int():  # error
            counts[0] = 5
        case Point(x=int(z)):  # error
            counts[0] = 6
    match ctx.id:
        case int(n):  # error
            counts[0] = n
        case points.key:  # error
            counts[0] = 7
