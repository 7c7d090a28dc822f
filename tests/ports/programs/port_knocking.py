"""Opens a port to those who have knocked at three others in the right order."""

from enum import IntEnum

from pyebpf import ETH_P_IP, IPPROTO_TCP, XDP, Ethernet, Hash, IPv4, IPv4Address, Tcp, xdp

SECRET = 22


class Stage(IntEnum):
    NOTHING = 0
    FIRST = 1
    SECOND = 2
    OPEN = 3


stages = Hash[IPv4Address, Stage](max_entries=1024)


@xdp
def knock(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_TCP:
        return XDP.PASS
    port = packet.parse(Tcp).dest
    stage = stages.get(ip.saddr, Stage.NOTHING)
    if stage == Stage.OPEN:
        return XDP.PASS
    if port == SECRET:
        return XDP.DROP
    if stage == Stage.NOTHING and port == 7000:
        stages[ip.saddr] = Stage.FIRST
    elif stage == Stage.FIRST and port == 8000:
        stages[ip.saddr] = Stage.SECOND
    elif stage == Stage.SECOND and port == 9000:
        stages[ip.saddr] = Stage.OPEN
    elif stage != Stage.NOTHING:
        del stages[ip.saddr]
    return XDP.PASS
