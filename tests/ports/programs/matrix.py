"""Multiplies two matrices of 4 by 4, and raises one to the tenth power modulo a prime: Fibonacci numbers."""

from pyebpf import XDP, Array, Global, struct, u64, xdp

N = 4
PRIME = 1_000_000_007


@struct
class Matrix:
    v: u64[16]


operands = Array[Matrix](max_entries=3)
fibonacci = Global[u64](0)


@xdp
def multiply(packet):
    a, b, c = operands[0], operands[1], operands[2]
    for i in range(N):
        for j in range(N):
            total = 0
            for k in range(N):
                total = (total + a.v[i * N + k] * b.v[k * N + j]) % PRIME
            c.v[i * N + j] = total
    x, y = 0, 1
    for _ in range(90):
        x, y = y, (x + y) % PRIME
    fibonacci.value = x
    return XDP.PASS
