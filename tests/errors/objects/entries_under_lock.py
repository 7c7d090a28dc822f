from pyebpf import XDP, Array, Hash, SpinLock, struct, u32, u64, xdp


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = Array[Account](max_entries=4)
table = Hash[u32, u64](max_entries=64)


@xdp
def probe(packet):
    account = accounts[0]
    with account.lock:
        for key in table:  # error
            account.balance = key
    return XDP.PASS
