"""Which system calls a process makes, how often, and how long each kind takes."""

from pyebpf import Config, Hash, PerCpuHash, ktime_ns, pid, struct, tid, tracepoint, u32, u64


@struct
class Call:
    number: u32
    begun: u64


@struct
class Totals:
    calls: u64
    ns: u64
    longest: u64


target = Config[u32](0)
running = Hash[u32, Call](max_entries=1024)
totals = PerCpuHash[u32, Totals](max_entries=512)


@tracepoint("raw_syscalls:sys_enter")
def enter(ctx):
    if pid() == target.value and 0 <= ctx.id < 1000:
        running[tid()] = Call(number=u32(ctx.id), begun=ktime_ns())


@tracepoint("raw_syscalls:sys_exit")
def leave(ctx):
    call = running.get(tid())
    if call is None:
        return
    taken = ktime_ns() - call.begun
    number = call.number
    del running[tid()]
    total = totals.get(number)
    if total is None:
        totals[number] = Totals(calls=1, ns=taken, longest=taken)
        return
    total.calls += 1
    total.ns += taken
    total.longest = max(total.longest, taken)
