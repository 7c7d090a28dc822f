"""The address space of the current task: where its program and its arguments lie, and which file it runs."""

import ctypes
import os

from pyebpf import Array, Global, char, current_task, raw_tracepoint, struct, tid, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Space:
    code: u64
    heap: u64
    stack: u64
    arguments: u64
    environment: u64
    flags: u64
    name: char[32]
    inode: u64
    size: u64
    mode: u32


watched = Global[u32](0)
found = Array[Space](max_entries=1)


@raw_tracepoint("sys_enter")
def read_space(ctx):
    if tid() != watched.value:
        return
    space, out = current_task().mm, found[0]
    out.code = space.start_code
    out.heap = space.start_brk
    out.stack = space.start_stack
    out.arguments = space.arg_start
    out.environment = space.env_end
    out.name = space.exe_file.f_path.dentry.d_name.name
    out.inode = space.exe_file.f_inode.i_ino
    out.size = u64(space.exe_file.f_inode.i_size)
    out.mode = space.exe_file.f_inode.i_mode


def check(session):
    session.variables["watched"].value = os.getpid()
    os.getppid()
    session.variables["watched"].value = 0
    out = session.maps["found"][0]
    with open("/proc/self/stat") as file:
        numbers = [int(word) for word in file.read().rpartition(")")[2].split()[1:]]
    assert (out.code, out.stack) == (numbers[22], numbers[24])
    assert (out.heap, out.arguments, out.environment) == (numbers[43], numbers[44], numbers[47])
    path = os.readlink("/proc/self/exe")
    status = os.stat(path)
    assert out.name == os.path.basename(path)
    assert (out.inode, out.size, out.mode) == (status.st_ino, status.st_size, status.st_mode)
    assert ctypes.string_at(out.arguments, 6)  # mapped
