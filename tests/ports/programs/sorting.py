"""Sorts an array by insertion, finds its median, and sums the squares of what lies above."""

from pyebpf import XDP, Array, Global, struct, u32, u64, xdp

COUNT = 12


@struct
class Numbers:
    v: u32[12]


data = Array[Numbers](max_entries=1)
median = Global[u32](0)
squares = Global[u64](0)


@xdp
def sort(packet):
    numbers = data[0].v
    for i in range(1, COUNT):
        value = numbers[i]
        at = i
        while at > 0 and numbers[at - 1] > value:
            numbers[at] = numbers[at - 1]
            at -= 1
        numbers[at] = value
    median.value = numbers[COUNT // 2]
    total = 0
    for i in range(COUNT // 2 + 1, COUNT):
        total += u64(numbers[i]) * numbers[i]
    squares.value = u64(total)
    return XDP.PASS
