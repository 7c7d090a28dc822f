"""Where the CPUs spend their time, down to the functions: stacks of the kernel and of processes, for a flame graph.

You will see: nothing until Ctrl-C, then the stacks that were met most often, and the picture in a file that any browser
opens. Needs root (CAP_BPF, CAP_PERFMON), Linux 4.9. Who isn't root sees names in
own processes alone. Programs that are compiled without frame pointers have short stacks.

    pyebpf run samples/flames.py --for 5 --svg flames.svg
    pyebpf run samples/flames.py --attach sample=pid:1234
"""

from pyebpf import Stacks, comm, kernel_stack, pid, profile, user_stack

stacks = Stacks(max_entries=16_384)


@profile(hz=99)
def sample(ctx):
    if pid():  # CPUs that have nothing to do run process 0
        stacks[comm(), kernel_stack(), user_stack()] += 1
