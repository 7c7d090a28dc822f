"""Integer square roots, greatest common divisors, and whether numbers are prime, of two numbers in the packet."""

from pyebpf import XDP, Global, function, u16, u32, xdp

root = Global[u32](0)
divisor = Global[u32](0)
prime = Global[bool](False)


@function
def square_root(n):
    result = 0
    for shift in range(15, -1, -1):
        trial = result | 1 << shift
        if trial * trial <= n:
            result = trial
    return result


@function
def greatest_common_divisor(a, b):
    for _ in range(48):
        if b == 0:
            break
        a, b = b, a % b
    return a


@function
def is_prime(n):
    if n < 2:
        return False
    for d in range(2, 256):
        if d * d > n:
            return True
        if n % d == 0:
            return False
    return True


@xdp
def compute(packet):
    a, b = packet.load(0, u32), packet.load(4, u32)
    root.value = u32(square_root(a))
    divisor.value = u32(greatest_common_divisor(a, b))
    prime.value = is_prime(packet.load(8, u16))
    return XDP.PASS
