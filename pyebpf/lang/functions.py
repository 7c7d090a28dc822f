"""What probes call. In plain Python these are names only: the compiler gives them their meaning."""

from __future__ import annotations

from typing import Any, NoReturn


class Builtin:
    """A function that exists inside probes."""

    def __init__(self, name: str, summary: str) -> None:
        self.name = self.__name__ = name
        self.__doc__ = summary

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"{self.name}() works inside a probe, in the kernel; here it is only a name")

    def __repr__(self) -> str:
        return f"<pyebpf function {self.name}>"


def _builtin(name: str, summary: str) -> Any:
    return Builtin(name, summary)


pid = _builtin("pid", "Process id (the kernel's tgid) of the current task: u32. Linux 4.2.")
tid = _builtin("tid", "Thread id (the kernel's pid) of the current task: u32. Linux 4.2.")
uid = _builtin("uid", "User id of the current task: u32. Linux 4.2.")
gid = _builtin("gid", "Group id of the current task: u32. Linux 4.2.")
comm = _builtin("comm", "Name of the current task: char[16]. Linux 4.2.")
cpu = _builtin("cpu", "Number of the CPU that runs the probe: u32. Linux 4.1.")
ktime_ns = _builtin("ktime_ns", "CLOCK_MONOTONIC, ns since boot without time asleep: u64. Linux 4.1.")
boot_ns = _builtin("boot_ns", "CLOCK_BOOTTIME, ns since boot: u64. Linux 5.8.")
cgroup_id = _builtin(
    "cgroup_id", "Id (inode number) of the cgroup2 of the current task, or the packet's socket: u64. Linux 4.18."
)
current_task = _builtin("current_task", "The current `struct task_struct`. Linux 4.8.")
current_cgroup = _builtin("current_cgroup", "The cgroup2 of the current task, `struct cgroup`. Linux 6.2.")
random_u32 = _builtin("random_u32", "A random u32, not for secrets. Linux 4.1.")
user_str = _builtin("user_str", "Text at an address in user memory; empty when it can't be read. Linux 5.5.")
kernel_str = _builtin("kernel_str", "Text at an address in kernel memory; empty when it can't be read. Linux 5.5.")
user_read = _builtin(
    "user_read",
    "A value of a type at an address in user memory: user_read(p, u64), user_read(p, Node). NullPointerError when it "
    "can't be read. Linux 5.5.",
)
kernel_read = _builtin(
    "kernel_read",
    "A value of a type at an address in kernel memory: kernel_read(jiffies, u64). NullPointerError when it can't "
    "be read. Linux 5.5.",
)
kernel_stack = _builtin(
    "kernel_stack",
    "The kernel's stack, where the program was run: a part of a key of Stacks, or for an array of u64. `skip=N` leaves "
    "out the N innermost calls. Linux 4.6 (in arrays 4.18).",
)
python_stack = _builtin(
    "python_stack",
    "The Python functions that the current thread is in, of CPython 3.11 to 3.13: a part of a key of Stacks. Linux "
    "5.7; x86-64 and arm64.",
)
user_stack = _builtin(
    "user_stack",
    "The current process's stack: a part of a key of Stacks, or for an array of u64. `skip=N` leaves out the N "
    "innermost calls. Linux 4.6 (in arrays 4.18).",
)
cast = _builtin("cast", 'An address as that of a kernel struct: cast(sk, "struct tcp_sock").')
container_of = _builtin(
    "container_of",
    'The struct that a pointer goes into: container_of(entry, "struct task_struct", "tasks").',
)
sizeof = _builtin(
    "sizeof", 'Bytes of a type of the language, of a kernel struct (sizeof("struct task_struct")), or of its member.'
)
