from pyebpf import Global, SpinLock, struct, u64


@struct
class Account:
    lock: SpinLock
    balance: u64


account = Global[Account]()  # error
