from pyebpf import XDP, SpinLock, struct, u64, xdp


@struct
class Account:
    lock: SpinLock
    balance: u64


@xdp
def probe(packet):
    account = Account(balance=1)
    with account.lock:  # error
        account.balance = 2
    with account.balance:  # error
        account.balance = 3
    return XDP.PASS
