from pyebpf import XDP, Array, SpinLock, struct, u64, xdp


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = Array[Account](max_entries=4)


@xdp
def probe(packet):
    with accounts[0].lock as lock:  # error
        pass
    return XDP.PASS
