"""Namespaces, credentials, working directory and umask of the current task."""

import os

from pyebpf import Array, Global, char, current_task, raw_tracepoint, struct, tid, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Where:
    network: u32
    mount: u32
    umask: u32
    user: u32
    effective: u32
    group: u32
    node: char[65]
    folder: char[32]
    parent: char[32]
    inode: u64


watched = Global[u32](0)
found = Array[Where](max_entries=1)


@raw_tracepoint("sys_enter")
def read_where(ctx):
    if tid() != watched.value:
        return
    task, out = current_task(), found[0]
    out.network = task.nsproxy.net_ns.ns.inum
    out.mount = u32(task.nsproxy.mnt_ns.ns.inum)
    out.umask = u32(task.fs.umask)
    out.user = task.cred.uid.val
    out.effective = task.cred.euid.val
    out.group = task.real_cred.gid.val
    out.node = task.nsproxy.uts_ns.name.nodename
    out.folder = task.fs.pwd.dentry.d_name.name
    out.parent = task.fs.pwd.dentry.d_parent.d_name.name
    out.inode = task.fs.pwd.dentry.d_inode.i_ino


def check(session):
    folder = "/run/pyebpf-parent/pyebpf-folder"
    os.makedirs(folder, exist_ok=True)
    before = os.getcwd()
    mask = os.umask(0o027)
    try:
        os.chdir(folder)
        session.variables["watched"].value = os.getpid()
        os.getppid()
        session.variables["watched"].value = 0
        out = session.maps["found"][0]
        assert out.inode == os.stat(folder).st_ino
    finally:
        os.umask(mask)
        os.chdir(before)
        os.removedirs(folder)
    assert out.network == os.stat("/proc/self/ns/net").st_ino
    assert out.mount == os.stat("/proc/self/ns/mnt").st_ino
    assert out.umask == 0o027
    assert (out.user, out.effective, out.group) == (os.getuid(), os.geteuid(), os.getgid())
    assert out.node == os.uname().nodename
    assert (out.folder, out.parent) == ("pyebpf-folder", "pyebpf-parent")
