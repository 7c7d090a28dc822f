"""An open file, found in the table of the current task by its descriptor: position, flags, inode, name."""

import os
import tempfile

from pyebpf import Array, Global, char, current_task, raw_tracepoint, struct, tid, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Open:
    position: u64
    flags: u32
    inode: u64
    size: u64
    links: u32
    owner: u32
    major: u32
    name: char[32]
    system: char[16]


watched = Global[u32](0)
descriptor = Global[u32](0)
found = Array[Open](max_entries=1)


@raw_tracepoint("sys_enter")
def read_file(ctx):
    if tid() != watched.value:
        return
    file = current_task().files.fdt.fd[descriptor.value]
    out = found[0]
    out.position = u64(file.f_pos)
    out.flags = file.f_flags
    out.inode = file.f_inode.i_ino
    out.size = u64(file.f_inode.i_size)
    out.links = file.f_inode.i_nlink
    out.owner = file.f_inode.i_uid.val
    out.major = u32(file.f_inode.i_sb.s_dev >> 20)
    out.name = file.f_path.dentry.d_name.name
    out.system = file.f_path.dentry.d_sb.s_type.name


def check(session):
    with tempfile.NamedTemporaryFile(dir="/run", prefix="pyebpf-file-") as file:
        file.write(b"x" * 1234)
        file.flush()
        os.lseek(file.fileno(), 77, os.SEEK_SET)
        session.variables["descriptor"].value = file.fileno()
        session.variables["watched"].value = os.getpid()
        os.getppid()
        session.variables["watched"].value = 0
        out, status = session.maps["found"][0], os.fstat(file.fileno())
        assert (out.position, out.size) == (77, 1234)
        assert out.flags & os.O_ACCMODE == os.O_RDWR
        assert (out.inode, out.links, out.owner) == (status.st_ino, status.st_nlink, status.st_uid)
        assert out.major == os.major(status.st_dev)
        assert out.name == os.path.basename(file.name)
        assert out.system == filesystem("/run")


def filesystem(place):
    """The type of what is mounted at `place`, or around it."""
    with open("/proc/self/mounts") as file:
        mounted = {line.split()[1]: line.split()[2] for line in file}
    return mounted.get(place) or mounted["/"]
