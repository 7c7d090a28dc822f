"""Lines that a program prints, formatted by Python's rules."""

from surroundings import test_run

from pyebpf import XDP, i32, u8, xdp

SINCE = (5, 9)
ATTACH = False


@xdp
def say(packet):
    number = packet.load(0, u8)
    parity = "even" if number % 2 == 0 else "odd"
    print(f"{number} is {number:#04x}, {len(packet):>6} bytes, {i32(number) - 10:+d}, {parity}")
    return XDP.DROP


def check(session):
    assert test_run(session, "say", b"\x05" * 64) == XDP.DROP
    assert test_run(session, "say", b"\x0c" * 100) == XDP.DROP
    assert session.prints.poll() == [
        "5 is 0x05,     64 bytes, -5, odd",
        "12 is 0x0c,    100 bytes, +2, even",
    ]
