from pyebpf import XDP, Hash, SpinLock, struct, u32, u64, xdp


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = Hash[u32, Account](max_entries=64)


@xdp
def probe(packet):
    first = accounts[1]
    second = accounts[2]
    with first.lock, second.lock:  # error
        second.balance = first.balance
    return XDP.PASS
