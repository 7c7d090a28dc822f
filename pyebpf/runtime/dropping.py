"""Giving up what a session doesn't need once it is attached: capabilities, and being root.

What is open stays usable: maps and rings are read, and links closed, by their descriptors, whoever asks. What detaching
needs beyond that is kept, as the holders of links say (`needs`). Capabilities belong to threads: the kernel takes them
from all of a process when it becomes another user, and else only from the thread that asks.

Sources: capabilities(7), credentials(7), prctl(2), Documentation/userspace-api/no_new_privs.rst.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
from collections.abc import Collection
from typing import Final, final

from pyebpf.kernel.capabilities import CAPABILITIES, DIVIDED, OPEN_AFTERWARDS
from pyebpf.kernel.versions import running_version
from pyebpf.loader import privileges
from pyebpf.loader.errors import LoadError
from pyebpf.loader.hints import did_you_mean
from pyebpf.records import dataclass
from pyebpf.runtime.session import Session

PR_SET_KEEPCAPS: Final = 8
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
CAPABILITY_VERSION_3: Final = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


@final
@dataclass(frozen=True, slots=True)
class Account:
    """A user with a group and others."""

    name: str
    user: int
    group: int
    groups: tuple[int, ...]


def drop_privileges(session: Session, user: str | int | None = None, *, keep: Collection[str] = ()) -> tuple[str, ...]:
    """Give up all capabilities but those that `session` needs from now on, and those in `keep`; and become `user` (a
    name or a number), who then isn't root any more. Whatever is started afterwards gets none back (no_new_privs). What
    was kept is returned.

    Events, maps, variables and faults can be read, and links closed. What takes more fails then as it does without
    privileges: attaching, loading, statistics that weren't on. Raises LoadError where this process may not become
    `user`, or has other threads, which would keep what they have; ValueError for a name that is no capability. Of other
    sessions that are open nothing is known here: `keep` is for what they need.
    """
    session._check_open()
    wanted = [keep] if isinstance(keep, str) else list(keep)
    for name in wanted:
        if name not in CAPABILITIES:
            raise ValueError(f"there is no capability {name} that BPF is about{did_you_mean(name, CAPABILITIES)}")
    account = None if user is None else account_of(user)
    with session.without_threads():
        return _dropped(session, account, wanted)


def _dropped(session: Session, account: Account | None, wanted: list[str]) -> tuple[str, ...]:
    threads = len(os.listdir("/proc/self/task"))
    if account is None and threads > 1:
        text = f"it has {threads} threads, and the others would keep what they have"
        cure = "drop them before threads are started, or become another user"
        raise LoadError(f"cannot drop this process's privileges: {text}; {cure}", "privileges")
    kept = tuple(name for name in (*needed_by(session), *wanted) if name in privileges.held("CapPrm"))
    if account is not None:
        _become(account, bool(kept))
    _keep_only(kept)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    return kept


def needed_by(session: Session) -> tuple[str, ...]:
    """What reading the session, and ending it, takes on this kernel."""
    found = [name for link in session.links for name in link.needs]
    version = running_version() or OPEN_AFTERWARDS
    if version < OPEN_AFTERWARDS and privileges.unprivileged_bpf_disabled():
        found.append("CAP_BPF" if version >= DIVIDED else "CAP_SYS_ADMIN")
    return tuple(dict.fromkeys(found))


def account_of(user: str | int) -> Account:
    """The user of that name or number. Raises LoadError, TypeError."""
    if isinstance(user, bool) or not isinstance(user, str | int):
        raise TypeError(f"a user is a name or a number, not {user!r:.80}")
    try:
        if isinstance(user, int) or (user.isascii() and user.isdecimal()):
            number = int(user)
            if not 0 <= number < 2**32 - 1:
                raise KeyError(user)
            try:
                row = pwd.getpwuid(number)
            except KeyError:  # a number that nobody has a name for, as in containers
                return Account(str(number), number, number, ())
        else:
            row = pwd.getpwnam(user)
    except (KeyError, ValueError):  # ValueError: a NUL in it
        hint = did_you_mean(str(user), [each.pw_name for each in pwd.getpwall()])
        raise LoadError(f"there is no user {user}{hint}", "target") from None
    return Account(row.pw_name, row.pw_uid, row.pw_gid, tuple(os.getgrouplist(row.pw_name, row.pw_gid)))


def _become(account: Account, keeping: bool) -> None:
    """All threads of the process do; they lose their capabilities, and this one keeps what it may have if `keeping`."""
    _prctl(PR_SET_KEEPCAPS, int(keeping))
    try:
        os.setgroups(account.groups)
        os.setresgid(account.group, account.group, account.group)
        os.setresuid(account.user, account.user, account.user)
    except OSError as error:
        text = f"becoming {account.name} takes CAP_SETUID and CAP_SETGID ({error.strerror})"
        raise LoadError(f"cannot drop this process's privileges: {text}", "privileges") from error


def _keep_only(names: tuple[str, ...]) -> None:
    """In this thread, permitted and in effect; none that programs which are started would inherit."""
    bits = sum(1 << CAPABILITIES[name] for name in names)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header, data = struct.pack("=Ii", CAPABILITY_VERSION_3, 0), struct.pack("=6I", low, low, 0, high, high, 0)
    if _libc.capset(header, data):
        code = ctypes.get_errno()
        raise LoadError(f"cannot drop this process's privileges: {os.strerror(code)}", "kernel")


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, *(ctypes.c_ulong(number) for number in (argument, 0, 0, 0))):
        code = ctypes.get_errno()
        raise LoadError(f"cannot drop this process's privileges: {os.strerror(code)}", "kernel")
