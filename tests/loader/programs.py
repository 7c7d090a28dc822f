"""C programs for the loader's tests, built by clang when a test asks for them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

PRELUDE = """
typedef unsigned char u8; typedef unsigned int u32; typedef unsigned long long u64;
#define SEC(n) __attribute__((section(n), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
static void *(*lookup)(void *map, const void *key) = (void *)1;
static u64 (*current_task)(void) = (void *)35;
static long (*probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
char LICENSE[] SEC("license") = "GPL";
"""
HASH = """
struct key { u32 a; char name[16]; };
struct { __uint(type, 1); __type(key, struct key); __type(value, u64); __uint(max_entries, 8); } counts SEC(".maps");
SEC("socket") int probe(void *ctx) { struct key k = {7, "seven"}; u64 *v = lookup(&counts, &k); return v ? *v : 99; }
"""
RING_AND_PER_CPU = """
struct { __uint(type, 27); __uint(max_entries, 5000); } ring SEC(".maps");
struct { __uint(type, 6); __type(key, u32); __type(value, u64); __uint(max_entries, 2); } cells SEC(".maps");
static void *(*reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*submit)(void *data, u64 flags) = (void *)132;
SEC("socket") int probe(void *ctx) {
  u32 k = 1; u64 *v = lookup(&cells, &k); if (v) *v += 5;
  u64 *e = reserve(&ring, 8, 0); if (e) { *e = 3; submit(e, 0); } return 1; }
"""
CALLS = """
static __attribute__((noinline)) int twice(int n) { asm volatile("" ::: "memory"); return n * 2; }
__attribute__((noinline)) int outer(int n) { asm volatile("" ::: "memory"); return twice(n) + 1; }
SEC("socket") int one(void *ctx) { return outer(10); }
SEC("socket") int two(void *ctx) { return twice(4) + outer(1); }
"""
DATA = """
volatile const u32 limit = 5; u64 hits = 40; u64 zero; static volatile u32 hidden[3] = {1, 2, 3};
SEC("socket") int probe(void *ctx) { hits += limit; zero++; hidden[2] = 9; return limit + hidden[1]; }
"""
CORE = """
#define CO __attribute__((preserve_access_index))
struct task_struct___ours { struct task_struct___ours *group_leader; int pad[3]; int tgid; int nonsense; } CO;
SEC("raw_tracepoint/x") int probe(void *ctx) {
  struct task_struct___ours *t = (void *)current_task(), *g = 0; int tgid = 0;
  probe_read_kernel(&g, sizeof g, &t->group_leader); probe_read_kernel(&tgid, sizeof tgid, &g->tgid);
  if (__builtin_preserve_field_info(t->nonsense, 2)) probe_read_kernel(&tgid, sizeof tgid, &t->nonsense);
  return tgid; }
"""
REJECTED = 'SEC("socket") int probe(void *ctx) {\n  return *(volatile int *)0;\n}\n'


@cache
def build(source: str, target: str = "bpfel", quiet: bool = False) -> bytes:
    """`source` as a BPF object. clang is part of what the tests need: without it they fail. `quiet`: it may give up."""
    clang = shutil.which("clang-19") or shutil.which("clang")
    assert clang, "these tests need clang"
    with TemporaryDirectory() as folder:
        path = Path(folder, "probe.c")
        path.write_text(PRELUDE + source)
        output = Path(folder, "probe.o")
        command = [clang, "-O2", "-g", "-target", target, "-fno-crash-diagnostics", "-c", str(path), "-o", str(output)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL if quiet else None)
        return output.read_bytes()
