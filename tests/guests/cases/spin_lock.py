"""An entry with a lock changes as a whole."""

from surroundings import test_run

from pyebpf import XDP, Hash, SpinLock, struct, u8, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False


@struct
class Account:
    lock: SpinLock
    debit: u64
    credit: u64


accounts = Hash[u32, Account](max_entries=8)


@xdp
def transfer(packet):
    sum = packet.load(0, u8)
    account = accounts[1]
    with account.lock:
        account.debit = account.debit + sum
        account.credit = account.credit - sum
        if account.debit > 10:
            return XDP.TX
    return XDP.DROP


def check(session):
    session.maps["accounts"][1] = Account(debit=0, credit=100)
    assert [test_run(session, "transfer", b"\x06" * 64) for _ in range(2)] == [XDP.DROP, XDP.TX]
    found = session.maps["accounts"][1]
    assert (found.debit, found.credit) == (12, 88)
