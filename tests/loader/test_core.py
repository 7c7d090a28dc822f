"""CO-RE: what clang asks of the kernel's types is answered as this kernel, asked otherwise, answers it."""

from __future__ import annotations

import ctypes
import struct
import threading
from pathlib import Path

import programs
import pytest

import pyebpf
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel
PROGRAM = """
#define CO __attribute__((preserve_access_index))
#define INFO(field, kind) __builtin_preserve_field_info(field, kind)
u64 out[32];
struct list_head___ours { struct list_head___ours *next; } CO;
struct nowhere { int a; } CO;
enum pid_type___ours { PIDTYPE_NOWHERE = 77, PIDTYPE_SID___ours = 99, PIDTYPE_PID = 98 };
enum nowhere_enum { NOWHERE_VALUE = 5 };
struct cred___ours { struct { u32 val; } fsuid; long gone; } CO;
struct thread_info___ours { u64 flags; } CO;
struct task_struct___ours {
  char comm[4]; u64 pid; struct thread_info___ours thread_info; struct cred___ours *cred;
  unsigned a : 3; unsigned sched_reset_on_fork : 1; int no_such_bits : 2; int exit_code; u64 flags;
} CO;

SEC("raw_tracepoint/sys_enter") int probe(void *ctx) {
  struct task_struct___ours *t = (void *)current_task(); struct cred___ours *c = 0;
  // a bit field, as BPF_CORE_READ_BITFIELD_PROBED reads it
  u64 bits = 0;
  probe_read_kernel(&bits, INFO(t->sched_reset_on_fork, 1), (char *)t + INFO(t->sched_reset_on_fork, 0));
  bits <<= INFO(t->sched_reset_on_fork, 4);
  out[0] = bits >> INFO(t->sched_reset_on_fork, 5);
  out[1] = INFO(t->sched_reset_on_fork, 3); out[2] = INFO(t->exit_code, 3);
  out[3] = INFO(t->sched_reset_on_fork, 2); out[4] = INFO(t->no_such_bits, 2);
  // a nested field behind a pointer, in an anonymous struct here and a named one there
  probe_read_kernel(&c, sizeof c, &t->cred); probe_read_kernel(&out[5], 4, &c->fsuid.val);
  out[6] = INFO(c->gone, 2);
  // sizes of the kernel, not of the program
  out[7] = INFO(t->comm, 1); out[8] = INFO(t->pid, 1);
  probe_read_kernel(&out[9], 4, &t->comm[0]); probe_read_kernel(&out[10], 4, (char *)t + INFO(t->comm[3], 0));
  out[12] = __builtin_preserve_type_info(*(struct list_head___ours *)0, 0);
  out[13] = __builtin_preserve_type_info(*(struct list_head___ours *)0, 1);
  out[14] = __builtin_preserve_type_info(*(struct nowhere *)0, 0);
  out[15] = __builtin_preserve_type_info(*(struct nowhere *)0, 1);
  out[16] = __builtin_btf_type_id(*(struct list_head___ours *)0, 1) != 0;
  out[17] = __builtin_btf_type_id(*(struct list_head___ours *)0, 0) != 0;
  out[18] = __builtin_btf_type_id(*(struct nowhere *)0, 1);
  out[19] = __builtin_preserve_enum_value(*(enum pid_type___ours *)PIDTYPE_SID___ours, 1);
  out[20] = __builtin_preserve_enum_value(*(enum pid_type___ours *)PIDTYPE_PID, 1);
  out[21] = __builtin_preserve_enum_value(*(enum pid_type___ours *)PIDTYPE_SID___ours, 0);
  out[22] = __builtin_preserve_enum_value(*(enum pid_type___ours *)PIDTYPE_NOWHERE, 0);
  out[23] = __builtin_preserve_enum_value(*(enum nowhere_enum *)NOWHERE_VALUE, 0);
  return 0; }
"""
POISONED = """
#define CO __attribute__((preserve_access_index))
struct task_struct___ours { int nonsense; } CO;
SEC("raw_tracepoint/sys_enter") int probe(void *ctx) {
  struct task_struct___ours *t = (void *)current_task(); int value = 0;
  probe_read_kernel(&value, sizeof value, &t->nonsense); return value; }
"""
FSUID = 12345
SCHED_OTHER, SCHED_RESET_ON_FORK = 0, 0x40000000


def answers(reset_on_fork: bool) -> list[int]:
    """What the program finds for a thread that has the flag, or hasn't."""
    found: list[list[int]] = []
    libc = ctypes.CDLL(None)

    def work() -> None:
        priority = struct.pack("=i", 0)
        flag = SCHED_RESET_ON_FORK if reset_on_fork else 0
        assert libc.sched_setscheduler(0, SCHED_OTHER | flag, priority) == 0
        with pyebpf.load(read_object(programs.build(PROGRAM)), attach=False) as session:
            libc.setfsuid(FSUID)  # of this thread alone, which ends with it
            session.programs["probe"].test_run(ctx=bytes(16))
            view = session._loaded.view(".bss")
            assert view is not None
            found.append([*struct.unpack("=32Q", view[: 32 * 8])])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture(scope="module")
def out() -> list[int]:
    return answers(False)


def test_bit_fields(out: list[int]) -> None:
    assert (out[0], answers(True)[0]) == (0, 1)
    assert out[1:5] == [0, 1, 1, 0]  # unsigned, signed, there, not there


def test_fields(out: list[int]) -> None:
    assert (out[5], out[6]) == (FSUID, 0)
    assert (out[7], out[8]) == (16, 4)  # TASK_COMM_LEN; pid_t
    comm = Path("/proc/self/comm").read_bytes().rstrip(b"\n")[:4]
    assert struct.pack("=I", out[9])[: len(comm)] == comm and struct.pack("=I", out[10])[:1] == comm[3:]


def test_types(out: list[int]) -> None:
    assert out[12:19] == [1, 2 * 8, 0, 0, 1, 1, 0]


def test_enumerators(out: list[int]) -> None:
    """Numbers of include/linux/pid_types.h, unchanged since 4.19; those of the program are others on purpose."""
    assert out[19:24] == [3, 0, 1, 0, 0]


def test_a_field_that_is_not_there_is_refused_where_it_is_reached() -> None:
    with pytest.raises(pyebpf.VerifierError) as caught:
        pyebpf.load(read_object(programs.build(POISONED)), attach=False)
    assert "195896080" in caught.value.complaint + caught.value.instruction  # 0xbad2310, a helper that doesn't exist
