"""TCP connections: one line for every change of state.

You will see: time, process, addresses, ports, and the states before and after. The process is the one that was
running, which is not always the one whose connection it is. Needs root (CAP_BPF, CAP_PERFMON), Linux 5.8.

    pyebpf run samples/tcp_states.py
"""

from enum import IntEnum

from pyebpf import AF_INET, IPv4Address, RingBuf, char, comm, ktime_ns, struct, tp_btf, u16, u32, u64


class State(IntEnum):
    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECV = 12


@struct
class Change:
    time: u64  # ns since boot
    comm: char[16]
    local: IPv4Address
    remote: IPv4Address
    local_port: u16
    remote_port: u16
    before: State
    after: State


changes = RingBuf[Change](size=256 * 1024)


@tp_btf("inet_sock_set_state")
def on_change(sk, oldstate, newstate):
    if sk.__sk_common.skc_family != AF_INET:
        return
    with changes.reserve() as event:
        event.time = ktime_ns()
        event.comm = comm()
        event.local = sk.__sk_common.skc_rcv_saddr
        event.remote = sk.__sk_common.skc_daddr
        event.local_port = sk.__sk_common.skc_num
        event.remote_port = sk.__sk_common.skc_dport
        event.before = u32(oldstate)
        event.after = u32(newstate)
