"""Where the CPUs spend their time: how often each program was running, and on which stacks.

You will see: nothing until Ctrl-C, then counts by program, and by the numbers of the stack in the kernel and of that in
the process; `stacks` has their addresses. Needs root (CAP_BPF, CAP_PERFMON), Linux 4.9.

    pyebpf run samples/profile.py --for 5
    pyebpf run samples/profile.py --attach sample=pid:1234
"""

from pyebpf import BPF_F_USER_STACK, Hash, StackTrace, char, comm, i64, pid, profile, struct, u64
from pyebpf.helpers import get_stackid


@struct
class Place:
    comm: char[16]
    kernel: i64  # of the stack, in `stacks`; below zero: there is none
    user: i64


stacks = StackTrace(max_entries=16_384)
programs = Hash[char[16], u64](max_entries=10_240)
places = Hash[Place, u64](max_entries=10_240)


@profile(hz=99)
def sample(ctx):
    if pid():  # CPUs that have nothing to do run process 0
        programs[comm()] += 1
        kernel, user = get_stackid(stacks, 0), get_stackid(stacks, BPF_F_USER_STACK)
        places[Place(comm=comm(), kernel=kernel, user=user)] += 1
