"""The inner loop of a ring's consumer as machine code: made once by llvmlite, kept in the user's own cache, and loaded
from there without LLVM.

The code in the cache is trusted as far as the cache is (`cache.py`): a folder and files of this very user, which nobody
else may write to. Without llvmlite, or where the system lets no new code run, rings are read by Python.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any, Final

from pyebpf import cache as files
from pyebpf.loader.memory import mapped

DRAIN: Final = """
define i64 @drain(ptr %consumer, ptr %producer, ptr %data, i64 %mask, ptr %out, i64 %size, i64 %most, ptr %odd) #0 {
entry:
  %start = load i64, ptr %consumer
  %end = load atomic i64, ptr %producer acquire, align 8
  br label %head
head:
  %pos = phi i64 [ %start, %entry ], [ %next, %skip ], [ %next, %copied ]
  %n = phi i64 [ 0, %entry ], [ %n, %skip ], [ %more, %copied ]
  %to = phi ptr [ %out, %entry ], [ %to, %skip ], [ %behind, %copied ]
  %left = icmp ult i64 %pos, %end
  %room = icmp ult i64 %n, %most
  %go = and i1 %left, %room
  br i1 %go, label %record, label %finish
record:
  %at = and i64 %pos, %mask
  %where = getelementptr i8, ptr %data, i64 %at
  %header = load atomic i32, ptr %where acquire, align 8
  %busy = icmp slt i32 %header, 0
  br i1 %busy, label %finish, label %ready
ready:
  %bits = and i32 %header, 1073741823
  %length = zext i32 %bits to i64
  %taken = add i64 %length, 15
  %step = and i64 %taken, -8
  %next = add i64 %pos, %step
  %bit = and i32 %header, 1073741824
  %discarded = icmp ne i32 %bit, 0
  br i1 %discarded, label %skip, label %whole
skip:
  br label %head
whole:
  %short = icmp ult i64 %length, %size
  br i1 %short, label %strange, label %copy
strange:
  store i64 1, ptr %odd
  br label %finish
copy:
  %from = getelementptr i8, ptr %where, i64 8
  %ahead.at = getelementptr i8, ptr %where, i64 1024
  call void @llvm.prefetch.p0(ptr %ahead.at, i32 0, i32 3, i32 1)
  br label %piece
piece:
  %i = phi i64 [ 0, %copy ], [ %i.next, %pieces ]
  %i.next = add i64 %i, 32
  %whole.left = icmp ule i64 %i.next, %size
  br i1 %whole.left, label %pieces, label %words
pieces:
  %piece.from = getelementptr i8, ptr %from, i64 %i
  %piece.to = getelementptr i8, ptr %to, i64 %i
  %half.from = getelementptr i8, ptr %piece.from, i64 16
  %half.to = getelementptr i8, ptr %piece.to, i64 16
  %piece.value = load <2 x i64>, ptr %piece.from, align 8
  %half.value = load <2 x i64>, ptr %half.from, align 8
  store <2 x i64> %piece.value, ptr %piece.to, align 1
  store <2 x i64> %half.value, ptr %half.to, align 1
  br label %piece
words:
  %j = phi i64 [ %i, %piece ], [ %j.next, %word ]
  %some = icmp ult i64 %j, %size
  br i1 %some, label %word, label %copied
word:
  %source = getelementptr i8, ptr %from, i64 %j
  %target = getelementptr i8, ptr %to, i64 %j
  %value = load i64, ptr %source, align 8
  store i64 %value, ptr %target, align 1
  %j.next = add i64 %j, 8
  br label %words
copied:
  %more = add i64 %n, 1
  %behind = getelementptr i8, ptr %to, i64 %size
  br label %head
finish:
  store atomic i64 %pos, ptr %consumer release, align 8
  ret i64 %n
}
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
attributes #0 = { nounwind "no-builtins" }
"""
"""Copies the first `size` bytes of each record to `out`, one after the other, up to `most` of them, and lets the kernel
have their room again. The last store may go up to seven bytes beyond. A record that is shorter ends it and sets `odd`.
Positions and lengths are those of the kernel's ring: BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT are the two upper
bits of a length (include/uapi/linux/bpf.h)."""
Drain = Callable[[int, int, int, int, int, int, int, int], int]
_MAGIC: Final = b"pyebpf machine code 1\n"
_EXECUTABLE: Final = 4
"""SHF_EXECINSTR."""


def _digest(data: bytes) -> bytes:
    from hashlib import sha256  # takes longer to import than many a ring is read

    return sha256(data).digest()


def _name() -> str:
    made_from = _digest(DRAIN.encode() + _MAGIC).hex()[:20]
    return f"ring-{os.uname().machine}-{made_from}"


@cache
def drain(make: bool) -> Drain | None:
    """The consumer's loop; None where there is none. With `make` it is compiled if need be, which takes a tenth of a
    second once."""
    code = _kept()
    if code is None and make:
        code = _compiled()
        if code is not None:
            files.write(_name(), _MAGIC + _digest(code) + code)
    return None if code is None else _loaded(code)


def _kept() -> bytes | None:
    data = files.read(_name())
    if data is None or not data.startswith(_MAGIC):
        return None
    digest, code = data[len(_MAGIC) :][:32], data[len(_MAGIC) + 32 :]
    return code if code and _digest(code) == digest else None


def _compiled() -> bytes | None:
    """The code for any processor of this kind, so that homes on several machines can share it."""
    try:
        from llvmlite import binding as llvm
    except ImportError:
        return None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple = llvm.get_default_triple()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=2, reloc="pic", codemodel="small")
    module = llvm.parse_assembly(f'target triple = "{triple}"\n{DRAIN}')
    module.verify()
    return _text(machine.emit_object(module))


def _text(data: bytes) -> bytes | None:
    """The code in an object that is one function; None if it needs anything from elsewhere."""
    from elftools.elf.elffile import ELFFile

    sections: list[Any] = list(ELFFile(BytesIO(data)).iter_sections())
    code = [bytes(each.data()) for each in sections if each["sh_flags"] & _EXECUTABLE and each["sh_size"]]
    needs = any(each["sh_type"] in ("SHT_RELA", "SHT_REL") and each["sh_size"] for each in sections)
    return code[0] if len(code) == 1 and not needs else None


def _loaded(code: bytes) -> Drain | None:
    """The code in memory of its own, which is never both written and run."""
    try:
        fd = os.memfd_create("pyebpf-ring", os.MFD_CLOEXEC)
        try:
            os.write(fd, code)
            address = mapped(fd, len(code), mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE)
        finally:
            os.close(fd)
    except OSError:  # a policy lets no new code run
        return None
    word = ctypes.c_uint64
    return ctypes.CFUNCTYPE(word, *[ctypes.c_void_p] * 3, word, ctypes.c_void_p, word, word, ctypes.c_void_p)(address)
