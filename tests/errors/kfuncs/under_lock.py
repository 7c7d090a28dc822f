from pyebpf import XDP, Array, SpinLock, rcu, struct, u64, xdp


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = Array[Account](max_entries=4)


@xdp
def probe(packet):
    account = accounts[0]
    with account.lock:
        with rcu:  # error
            account.balance = 1
    return XDP.PASS
