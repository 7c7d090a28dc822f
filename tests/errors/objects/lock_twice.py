from pyebpf import Hash, SpinLock, struct, u32, u64


@struct
class Account:
    lock: SpinLock
    other: SpinLock


accounts = Hash[u32, Account](max_entries=4)  # error
