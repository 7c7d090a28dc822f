"""Gives out the numbers 0 to 255, each to one flow, and takes them back: a bitmap of four words."""

from pyebpf import XDP, Array, Global, struct, u8, u32, u64, xdp


@struct
class Bitmap:
    words: u64[4]


taken = Array[Bitmap](max_entries=1)
number = Global[u32](0)


@xdp
def allocate(packet):
    words = taken[0].words
    if packet.load(0, u8) == 0:  # the lowest free one
        for i, word in enumerate(words):
            for bit in range(64):
                if word >> bit & 1 == 0:
                    words[i] = word | 1 << bit
                    number.value = i * 64 + bit
                    return XDP.PASS
        return XDP.DROP
    given = packet.load(1, u8)
    words[given // 64] &= ~(1 << given % 64)
    return XDP.PASS
