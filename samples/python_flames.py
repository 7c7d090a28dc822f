"""Where Python programs spend their time, by their own functions: all of CPython 3.11 to 3.13 that run on the machine,
as they are, without a restart.

You will see: nothing until Ctrl-C, then the stacks that were met most often, the kernel's calls first; and the picture
in a file that any browser opens. Needs root (CAP_BPF, CAP_PERFMON), Linux 5.7, x86-64 or arm64.

    pyebpf run samples/python_flames.py --for 5 --svg flames.svg
    pyebpf run samples/python_flames.py --attach sample=pid:1234
"""

from pyebpf import Stacks, comm, kernel_stack, pid, profile, python_stack

stacks = Stacks(max_entries=16_384)


@profile(hz=99)
def sample(ctx):
    if pid():  # CPUs that have nothing to do run process 0
        stacks[comm(), kernel_stack(), python_stack()] += 1
