from pyebpf import XDP, Hash, RingBuf, SpinLock, ktime_ns, struct, u32, u64, xdp


@struct
class Account:
    lock: SpinLock
    time: u64
    balance: u64


@struct
class Event:
    number: u32


accounts = Hash[u32, Account](max_entries=64)
events = RingBuf[Event](size=4096)


@xdp
def probe(packet):
    account = accounts[1]
    with account.lock:
        account.time = ktime_ns()  # error
        if 2 in accounts:  # error
            account.balance = 0
        print(account.balance)  # error
        with events.reserve() as event:  # error
            event.number = 1
        other = accounts[2]  # error
    return XDP.PASS
