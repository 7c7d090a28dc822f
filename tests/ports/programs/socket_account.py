"""What each socket has sent and received, kept with the socket itself; those that send too much are cut off."""

from pyebpf import Config, Global, NullPointerError, SkStorage, cgroup, struct, u32, u64

most = Config[u64](0)  # bytes; 0: any


@struct
class Account:
    sent: u64
    received: u64
    refused: u32


accounts = SkStorage[Account]()
unknown = Global[u64](0)


@cgroup.skb.egress
def leaving(packet):
    try:
        account = accounts.setdefault(packet.socket, Account())
    except NullPointerError:
        unknown.value += 1
        return 1
    if most.value and account.sent + len(packet) > most.value:
        account.refused += 1
        return 0
    account.sent += len(packet)
    return 1


@cgroup.skb.ingress
def arriving(packet):
    try:
        account = accounts.setdefault(packet.socket, Account())
        account.received += len(packet)
    except NullPointerError:
        unknown.value += 1
    return 1
