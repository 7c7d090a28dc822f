from pyebpf import fentry, lsm, u8
from pyebpf.helpers import d_path


@fentry("vfs_read")
def reads(file):
    path = u8[64]()
    d_path(file.f_path, path)  # error


@fentry("filp_close")
def closes(filp):
    path = u8[64]()
    d_path(filp.f_path, path)


@lsm("file_permission")
def judge(file):
    path = u8[64]()
    d_path(file.f_path, path)  # error
    return 0
