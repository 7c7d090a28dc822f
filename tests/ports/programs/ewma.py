"""A moving average of packet sizes and their deviation, in fixed point, as TCP keeps its round-trip time."""

from pyebpf import XDP, Global, i32, u64, xdp

average = Global[i32](0)  # 8 times the size
deviation = Global[i32](0)  # 4 times
packets = Global[u64](0)


@xdp
def smooth(packet):
    size = len(packet)
    packets.value += 1
    if packets.value == 1:
        average.value = size * 8
        deviation.value = size * 2
        return XDP.PASS
    error = size - (average.value >> 3)
    average.value = i32(average.value + error)
    deviation.value = i32(deviation.value + abs(i32(error)) - (deviation.value >> 2))
    return XDP.PASS
