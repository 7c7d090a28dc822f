"""A program as it is started: its file by name and number, its arguments, and who starts it."""

import os
import subprocess

from pyebpf import Array, Global, char, struct, tp_btf, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Start:
    name: char[64]
    file: char[32]
    arguments: u32
    variables: u32
    old: u32
    parent: u32
    inode: u64


watched = Global[u32](0)
found = Array[Start](max_entries=1)


@tp_btf("sched_process_exec")
def on_exec(p, old_pid, bprm):
    if p.real_parent.tgid != watched.value:
        return
    out = found[0]
    out.name = bprm.filename
    out.file = bprm.file.f_path.dentry.d_name.name
    out.arguments, out.variables = u32(bprm.argc), u32(bprm.envc)
    out.old = u32(old_pid)
    out.parent = p.real_parent.pid
    out.inode = bprm.file.f_inode.i_ino


def check(session):
    session.variables["watched"].value = os.getpid()
    with subprocess.Popen(["/bin/true", "one", "two"], env={"A": "1", "B": "2"}) as process:
        process.wait()
    session.variables["watched"].value = 0
    out, path = session.maps["found"][0], os.path.realpath("/bin/true")
    assert out.name == "/bin/true"
    assert (out.file, out.inode) == (os.path.basename(path), os.stat(path).st_ino)
    assert (out.arguments, out.variables) == (3, 2)
    assert (out.old, out.parent) == (process.pid, os.getpid())
