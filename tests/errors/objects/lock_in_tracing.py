from pyebpf import Array, SpinLock, raw_tracepoint, struct, u64


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = Array[Account](max_entries=4)


@raw_tracepoint("sys_enter")
def probe(ctx):
    account = accounts[0]  # error
    with account.lock:
        account.balance = 1
