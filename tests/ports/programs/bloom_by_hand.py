"""A Bloom filter made of an array: four hashes of a source address, each a bit."""

from pyebpf import ETH_P_IP, XDP, Array, Ethernet, Global, IPv4, function, u32, u64, xdp

BITS = 4096

filter = Array[u64](max_entries=BITS // 64)
set_bits = Global[u32](0)
new = Global[u64](0)


@function
def hashed(x, seed):
    x = u32(x ^ seed)
    x = u32((x ^ x >> 16) * 0x7FEB352D)
    x = u32((x ^ x >> 15) * 0x846CA68B)
    return x ^ x >> 16


@xdp
def remember(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    source = u32(packet.parse(IPv4).saddr)
    known = True
    for seed in (0x9E37, 0x79B9, 0x7F4A, 0x7C15):
        bit = hashed(source, seed) % BITS
        mask = 1 << bit % 64
        if filter[bit // 64] & mask == 0:
            known = False
            filter[bit // 64] |= mask
            set_bits.value += 1
    if not known:
        new.value += 1
    return XDP.PASS
