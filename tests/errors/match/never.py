from enum import IntEnum

from pyebpf import Hash, struct, tracepoint, u32, u64


class Color(IntEnum):
    RED = 1


@struct
class Point:
    x: u32
    values: u32[3]


@struct
class Other:
    x: u32


points = Hash[u32, Point](max_entries=8)
counts = Hash[u32, u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match ctx.id:
        case "1":  # error
            counts[0] = 1
        case True:  # error
            counts[0] = 2
        case None:  # error
            counts[0] = 3
        case (1, 2):  # error
            counts[0] = 4
        case Point(x=1):  # error
            counts[0] = 5
    match points[1]:
        case 1:  # error
            counts[0] = 6
        case Other(x=1):  # error
            counts[0] = 7
        case Point(values=(_, 2)):  # error
            counts[0] = 8
        case Point(x="a"):  # error
            counts[0] = 9
    match ctx.id, counts.get(1):
        case (1, 2, 3):  # error
            counts[0] = 10
        case (_, False):  # error
            counts[0] = 11
    match "bash":
        case Color.RED:  # error
            counts[0] = 12
