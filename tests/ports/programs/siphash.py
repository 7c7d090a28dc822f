"""SipHash-2-4 of the packet's first 32 bytes under a key: what the kernel hashes flows with."""

from pyebpf import XDP, Config, Global, function, u64, xdp

key0 = Config[u64](0x0706050403020100)
key1 = Config[u64](0x0F0E0D0C0B0A0908)
digest = Global[u64](0)


@function
def rotate(x, count):
    return u64(x << count) | x >> (64 - count)


@function
def sip_round(a, b, c, d):
    a = u64(a + b)
    b = rotate(b, 13) ^ a
    a = rotate(a, 32)
    c = u64(c + d)
    d = rotate(d, 16) ^ c
    a = u64(a + d)
    d = rotate(d, 21) ^ a
    c = u64(c + b)
    b = rotate(b, 17) ^ c
    c = rotate(c, 32)
    return a, b, c, d


@xdp
def hash(packet):
    a: u64 = key0.value ^ 0x736F6D6570736575
    b: u64 = key1.value ^ 0x646F72616E646F6D
    c: u64 = key0.value ^ 0x6C7967656E657261
    d: u64 = key1.value ^ 0x7465646279746573
    for i in range(5):
        word: u64 = 32 << 56
        if i < 4:
            word = packet.load(i * 8, u64)
        d ^= word
        for _ in range(2):
            a, b, c, d = sip_round(a, b, c, d)
        a ^= word
    c ^= 0xFF
    for _ in range(4):
        a, b, c, d = sip_round(a, b, c, d)
    digest.value = a ^ b ^ c ^ d
    return XDP.PASS
