"""Bytes of a packet, as many as the packet says, none too: sizes that the verifier must know to be at least one."""

from pyebpf import TC, Array, Global, tc, u8, u32

SINCE = (4, 18)
ATTACH = False
some, all_of_them = Global[u8[32]](), Global[u8[32]]()
totals = Array[u32](max_entries=16)


@tc.ingress
def as_tested(packet):
    n = packet.load(0, u8) & 31
    if n > 0:
        packet.read(4, some.value[:n])
    return TC.OK


@tc.ingress
def as_given(packet):
    n = packet.load(0, u8) & 31
    packet.read(4, all_of_them.value[:n])
    return TC.OK


@tc.ingress
def each_size(packet):
    part = u8[16]()
    for size in range(packet.load(0, u8) & 15):
        packet.read(4, part[:size])
        totals[size] = sum(part)
    return TC.OK


def check(session):
    for n in (0, 1, 5, 14, 31):
        data = bytes([n, 9, 9, 9, *range(1, 60)])
        for view in (session.variables["some"], session.variables["all_of_them"]):
            view.value = [0] * 32
        session.maps["totals"].clear()
        for program in session.programs.values():
            program.test_run(data=data)
        expected = [*range(1, n + 1), *[0] * (32 - n)]
        assert list(session.variables["some"].value) == list(session.variables["all_of_them"].value) == expected
        sums = [sum(range(1, size + 1)) for size in range(n & 15)]
        assert list(session.maps["totals"])[: len(sums)] == sums
