"""Who runs what: one line for every program that starts.

You will see: time, process, parent, user, and the file that it runs. Needs root (CAP_BPF, CAP_PERFMON, and
CAP_DAC_READ_SEARCH to read tracefs), Linux 5.8.

    pyebpf run samples/execsnoop.py
"""

from pyebpf import RingBuf, char, comm, current_task, ktime_ns, pid, struct, tracepoint, u32, u64, uid, user_str


@struct
class Exec:
    time: u64  # ns since boot
    pid: u32
    ppid: u32
    uid: u32
    comm: char[16]
    filename: char[256]


execs = RingBuf[Exec](size=256 * 1024)


@tracepoint("syscalls:sys_enter_execve")
def on_execve(ctx):
    with execs.reserve() as event:  # skipped, and counted, when the ring is full
        event.time = ktime_ns()
        event.pid = pid()
        event.ppid = current_task().real_parent.tgid
        event.uid = uid()
        event.comm = comm()
        event.filename = user_str(ctx.filename)
