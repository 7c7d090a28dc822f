"""The sieve of Eratosthenes, in a map."""

from pyebpf import XDP, Array, Global, u8, u32, xdp

LIMIT = 200

composite = Array[u8](max_entries=LIMIT)
primes = Global[u32](0)


@xdp
def sieve(packet):
    found = 0
    for i in range(2, 15):
        if composite[i] == 0:
            for j in range(i * i, LIMIT, i):
                composite[j] = 1
    for i in range(2, LIMIT):
        if composite[i] == 0:
            found += 1
    primes.value = found
    return XDP.PASS
