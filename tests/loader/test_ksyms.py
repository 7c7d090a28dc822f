"""Symbols of the kernel that objects of clang's name: what the object takes them for must be what the kernel has."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from programs import build

import pyebpf
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel
KSYM = '#define __ksym __attribute__((section(".ksyms")))\n#define __weak __attribute__((weak))\n'
STRUCTS = "struct rq { int cpu; }; struct other { int n; };"
VARIABLE = """
extern const TYPE runqueues __ksym WEAK;
static void *(*this_cpu)(const void *) = (void *)154;
SEC("raw_tracepoint/x") int probe(void *ctx) { return this_cpu(&runqueues) != 0; }
"""
FUNCTION = """
struct task_struct;
extern PROTOTYPE __ksym WEAK;
SEC("socket") int probe(void *ctx) { if (!&NAME) return 7; CALL; return 1; }
"""
MISSING = """
extern const struct nothing no_such_variable __ksym;
u64 found;
SEC("socket") int probe(void *ctx) { found = (u64)&no_such_variable; return 0; }
"""
ADDRESS = """
extern const void jiffies __ksym;
u64 found;
SEC("socket") int probe(void *ctx) { found = (u64)&jiffies; return 0; }
"""


def variable(type: str, weak: str = "") -> bytes:
    return build(
        KSYM + "struct rq { int cpu; }; struct other { int n; };" + VARIABLE.replace("TYPE", type).replace("WEAK", weak)
    )


def function(prototype: str, call: str, weak: str = "") -> bytes:
    name = prototype.partition("(")[0].split()[-1].lstrip("*")
    words = {"PROTOTYPE": prototype, "CALL": call, "WEAK": weak, "NAME": name}
    return build(KSYM + re.sub(r"\b[A-Z]{4,}\b", lambda match: words.get(match[0], match[0]), FUNCTION))


def refused(elf: bytes, words: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=words):
        pyebpf.load(read_object(elf), attach=False)


@pytest.mark.parametrize("weak", ["", " __weak"])
def test_variables_of_another_kind(weak: str) -> None:
    words = r"takes runqueues for `int runqueues`, and this kernel has `struct rq runqueues`"
    refused(variable("int", weak), words)
    refused(variable("struct rq *", weak), r"for `(const )?struct rq \*runqueues`")


def has_addresses() -> bool:
    return " init_task\n" in Path("/proc/kallsyms").read_text()


@pytest.mark.skipif(has_addresses(), reason="this kernel knows the addresses of its variables")
@pytest.mark.parametrize("type", ["struct rq", "struct other"])  # structs aren't compared by names
def test_variables_without_addresses(type: str) -> None:
    refused(variable(type), "doesn't know the address of runqueues: its table of symbols has functions only")
    refused(build(KSYM + ADDRESS), r"no jiffies that programs could name; .*KALLSYMS_ALL")


def test_variables_that_are_not_there() -> None:
    refused(build(KSYM + MISSING), "this kernel has no variable no_such_variable in its BTF")


@pytest.mark.parametrize(
    ("prototype", "call"),
    [
        ("void bpf_rcu_read_lock(int)", "bpf_rcu_read_lock(1)"),
        ("void bpf_task_release(u64)", "bpf_task_release(0)"),
        ("int bpf_rcu_read_lock(void)", "bpf_rcu_read_lock()"),
    ],
)
def test_functions_of_another_kind(prototype: str, call: str) -> None:
    name = prototype.partition("(")[0].split()[-1]
    refused(function(prototype, call), rf"takes {name} for `.*{name}\(.*\)`, and this kernel has `void {name}\(")
    with pyebpf.load(
        read_object(function(prototype, call, " __weak")), attach=False
    ) as session:  # it isn't there, then
        assert session.programs["probe"].test_run(bytes(64)).result == 7


def test_functions_by_a_flavour() -> None:
    elf = function("void bpf_rcu_read_lock___v2(void)", "bpf_rcu_read_lock___v2()", " __weak")
    with pytest.raises(pyebpf.VerifierError, match="rcu"):  # found by its name, called, and never unlocked
        pyebpf.load(read_object(elf), attach=False)


def test_what_is_no_function_is_not_called() -> None:
    elf = bytearray(function("void bpf_rcu_read_lock(void)", "bpf_rcu_read_lock()"))
    obj = read_object(bytes(elf))
    [extern] = obj.externs
    spoilt = dataclasses.replace(obj, externs=(dataclasses.replace(extern, kind="address", weak=True),))
    with pytest.raises(pyebpf.LoadError, match="calls bpf_rcu_read_lock, which is no function"):
        pyebpf.load(spoilt, attach=False)
    with pytest.raises(pyebpf.LoadError, match="its BTF says nothing"):
        pyebpf.load(dataclasses.replace(obj, externs=()), attach=False)
