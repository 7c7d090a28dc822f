from pyebpf import XDP, Hash, SpinLock, struct, u32, u64, xdp


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = Hash[u32, Account](max_entries=64)


@xdp
def probe(packet):
    accounts[1] = accounts[2]  # error
    if accounts[1] == accounts[2]:  # error
        return XDP.DROP
    accounts[3].lock = accounts[4].lock  # error
    return XDP.PASS
