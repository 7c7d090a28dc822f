"""Hashes of files, as the kernel's integrity module makes them: helpers that sleep, given what stays while they do."""

import hashlib
import os
import subprocess
from pathlib import Path

from pyebpf import Config, Global, i64, lsm, u8, u32, u64
from pyebpf.helpers import ima_file_hash, ima_inode_hash

SINCE = (5, 18)
JIT = True
LATER = {"aarch64": (6, 4)}

only, runs_seen = Config[u32](0), Global[u64](0)
digest, kind, other = Global[u8[64]](), Global[i64](-1), Global[i64](0)


@lsm("bprm_committed_creds", sleepable=True)
def runs(bprm):
    if bprm.file.f_inode.i_ino == only.value:
        runs_seen.value += 1
        kind.value = ima_file_hash(bprm.file, digest.value)
        buffer = u8[64]()
        other.value = ima_inode_hash(bprm.file.f_inode, buffer)


def config():
    return {"only": os.stat("/bin/true").st_ino}


def check(session):
    subprocess.run(["/bin/true"], check=True)
    variables = session.variables
    assert variables["runs_seen"].value == 1
    assert variables["kind"].value in (-95, 2, 4)  # without CONFIG_IMA, SHA-1, SHA-256
    if variables["kind"].value > 0:
        made = hashlib.new(
            "sha1" if variables["kind"].value == 2 else "sha256", Path("/bin/true").read_bytes()
        ).digest()
        assert bytes(variables["digest"].value)[: len(made)] == made
