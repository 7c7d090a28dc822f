"""Xorshift and a Galois shift register: numbers that look random, and the period of the register."""

from pyebpf import XDP, Global, u16, u32, u64, xdp

state = Global[u64](88172645463325252)
register = Global[u16](0xACE1)
ones = Global[u32](0)


@xdp
def draw(packet):
    x: u64 = state.value
    x ^= u64(x << 13)
    x ^= x >> 7
    x ^= u64(x << 17)
    state.value = x
    bits = 0
    lfsr = register.value
    for _ in range(64):
        low = lfsr & 1
        lfsr >>= 1
        if low:
            lfsr ^= 0xB400
            bits += 1
    register.value = lfsr
    ones.value = bits
    return XDP.PASS
