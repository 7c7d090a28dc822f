"""What is made of the logs that kernels gave of the programs in `refused/`, as `record_logs.py` wrote them down.

`pytest tests/loader/test_logs.py --update-golden` writes anew what is shown for each; read what changed.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import golden
import pytest
import refused_programs

from pyebpf.loader.verifier import VerifierError
from pyebpf.loader.verifier import path as ways
from pyebpf.loader.verifier.log import STATISTICS, Instruction, Message, Source, State, complaint, records
from pyebpf.loader.verifier.refusal import refusal
from pyebpf.loader.verifier.registers import Register, registers, words
from pyebpf.loader.verifier.structured import structured

CASES = golden.cases(*sorted(refused_programs.LOGS.glob("*.test")))


def kernel(case: golden.Case) -> tuple[int, ...]:
    return tuple(map(int, case.path.stem.split(".")))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_shown(case: golden.Case, request: pytest.FixtureRequest) -> None:
    [stage] = case.stages
    case.check(stage, str(VerifierError("probe", case.source)), request.config)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_complaint_is_known(case: golden.Case) -> None:
    expected = refused_programs.said(case.name)["complaint"].split(", ")
    assert refusal(case.source).kind in expected


@pytest.mark.parametrize("path", sorted(refused_programs.LOGS.glob("*.test")), ids=lambda path: path.stem)
def test_kernels_have_logs_of_each_program(path: Path) -> None:
    have = {case.name for case in CASES if case.path == path}
    recorded = refused_programs.recorded()
    taken = {name for name in recorded if path.stem in refused_programs.said(name).get("taken", "").split(", ")}
    assert have == set(recorded) - taken


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_line_is_read(case: golden.Case) -> None:
    """A line with an instruction, registers or a source is never taken for a message."""
    for found in records(case.source):
        if isinstance(found, Message):
            state = " R10=" in found.text and not found.text.startswith(STATISTICS)
            assert not state and not found.text.startswith(";"), found
    steps = [found for found in records(case.source) if isinstance(found, Instruction)]
    path = ways.Path(case.source)
    if steps:
        assert path.at_step(len(path) - 1) == steps[-1]
        assert path.at_step(0).index == 0


@pytest.mark.parametrize("case", [case for case in CASES if kernel(case) >= (7, 3)], ids=str)
def test_what_linux_7_3_adds(case: golden.Case) -> None:
    found = structured(case.source)
    if "\nVerification failed: " not in case.source:
        assert found is None
        return
    assert found is not None and found.title and found.reason and found.suggestion
    steps = [found for found in records(case.source) if isinstance(found, Instruction)]
    assert found.at is not None and found.at.label.startswith("error: ")
    assert found.at.function == "probe" or case.name in ("called_function",)
    assert found.at.file == f"{case.name}.bpf.c" and found.at.line > 0
    if steps:
        assert found.at.instruction == steps[-1].index


def test_records() -> None:
    log = (
        "func#0 @0\n0: R1=ctx() R10=fp0\n; u32 key = 1; @ a b.c:7\n"
        "0: (63) *(u32 *)(r10 -4) = r1   ; R1=1 fp-8=mmmm????\n"
        "from 0 to 1 (speculative execution): frame1: R0_w=inv(id=0,umax_value=15,var_off=(0x0; 0xf)) R10=fp0\n"
        "1: (95) exit\nR0 !read_ok\nprocessed 2 insns (limit 1000000) max_states_per_insn 0\n"
    )
    first, state, source, store, branch, end, last, _ = records(log)
    assert first == Message("func#0 @0") and last == Message("R0 !read_ok") and complaint(log) == ("R0 !read_ok",)
    assert isinstance(state, State) and state.index == 0 and list(state.registers) == ["R1", "R10"]
    assert source == Source("u32 key = 1;", "a b.c", 7)
    assert isinstance(store, Instruction) and (store.opcode, store.text) == (0x63, "*(u32 *)(r10 -4) = r1")
    assert store.changed["fp-8"].kind == "bytes" and store.changed["R1"].constant == 1
    assert isinstance(branch, State) and (branch.origin, branch.index) == (0, 1)
    assert branch.registers["R0"].unsigned == (0, 15)
    assert end == Instruction(1, 0x95, "exit", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("R1=5", "5"),
        ("R1_w=invP-22", "-22"),
        ("R1=P0xffffffffffffffff", "-1"),
        ("R1=scalar()", "any number"),
        ("R1=inv(id=0)", "any number"),
        ("R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))", "any 32-bit number"),
        ("R1=scalar(smin=smin32=0,smax=umax=smax32=umax32=16,var_off=(0x0; 0x1f))", "0 to 16"),
        ("R1_w=inv(id=3,umin_value=4,umax_value=1500,var_off=(0x0; 0x7ff))", "4 to 1,500"),
        ("R1=scalar(smax=64)", "any number up to 64, also negative ones"),
        ("R1=scalar(smin=0xffffffff80000000,smax=smax32=15)", "-2,147,483,648 to 15"),
        ("R1=scalar(smin=-5,smax=7)", "-5 to 7"),
        ("R1=map_value_or_null(id=1,map=counts,ks=4,vs=8)", "a value of map counts (8 bytes), or null"),
        ("R0_w=map_value(id=0,off=4,ks=4,vs=8,imm=0)", "a value of a map (8 bytes), 4 bytes in"),
        ("R0=map_value(map=a,ks=4,vs=128,smin=0,smax=umax=120,var_off=(0x0; 0x78))",
         "a value of map a (128 bytes), 0 to 120 bytes in"),
        ("R1=pkt(off=14,r=14)", "in the packet, 14 bytes in; 14 bytes of it are known to be there"),
        ("R1=ctx()", "the context"),
        ("R1=fp-16", "the stack at fp-16"),
        ("R6=ptr_or_null_task_struct(id=2)", "a pointer to a task_struct, or null"),
        ("R6=rcu_ptr_or_null_task_struct(id=2)", "a pointer to a task_struct, or null"),
        ("R6=untrusted_ptr_task_struct(off=8)", "a pointer to a task_struct that may be stale, 8 bytes in"),
        ("R6=ringbuf_mem(ref_obj_id=2,sz=8)", "memory of 8 bytes"),
        ("R6=something_new(x=1)", "`something_new(x=1)`"),
    ],
)  # fmt: skip
def test_registers_in_words(text: str, told: str) -> None:
    [found] = registers(text).values()
    assert isinstance(found, Register) and words(found) == told


TWO_PATHS = """\
0: (15) if r1 == 0x0 goto pc+2
1: (b7) r6 = 1
2: (05) goto pc+1
4: (15) if r2 == 0x0 goto pc+1
5: (b7) r0 = 0
6: (95) exit
{first}6: (95) exit
{second}3: (b7) r6 = 2
4: (15) if r2 == 0x0 goto pc+1
5: (bf) r0 = r6
6: (95) exit
At program exit the register R0 has value (0x2; 0x0) should have been in (0x0; 0x1)
"""


@pytest.mark.parametrize("said", [("from 4 to 6: R0=1\n", "from 0 to 3: R0=1\n"), ("", "")], ids=["said", "found out"])
def test_ways_that_ended_are_left_out(said: tuple[str, str]) -> None:
    """Level 2 has all of them; 5.10 doesn't say where the next one begins."""
    path = ways.Path(TWO_PATHS.format(first=said[0], second=said[1]))
    assert [path.at_step(number).index for number in range(len(path))] == [0, 3, 4, 5, 6]
    found = refusal(TWO_PATHS.format(first=said[0], second=said[1]))
    assert [sign.instruction for sign in found.causes] == ["r6 = 2"]


def mutated(text: str, chance: random.Random) -> str:
    """A log with something wrong: cut, doubled, swapped, with other characters."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        line = lines[at]
        where = chance.randrange(len(line) + 1)
        match chance.randrange(7):
            case 0:
                lines = lines[:at] or [""]
            case 1:
                lines = lines[at:]
            case 2:
                lines[at] = line[:where] + chance.choice("(){}%;:=-\0\x1b\u202e9RFfr\n ") + line[where + 1 :]
            case 3:
                lines[at:at] = chance.choices(lines, k=3)
            case 4:
                lines[at] = line[:where] + line[: where * 3]
            case 5:
                lines[at] = line.replace("0", str(chance.choice((-1, 1 << 40, 1 << 70, 7))))
            case _:
                lines[at] = line[where:] + "(" * chance.randrange(200)
    return "\n".join(lines)


def test_spoilt_logs() -> None:
    """Whatever a log looks like, there is a message, and no control characters in it."""
    chance = random.Random(7)
    for _ in range(1500):
        text = mutated(chance.choice(CASES).source, chance)
        shown = str(VerifierError("probe", text))
        assert shown.startswith("error: the kernel's verifier rejects `probe`") and "\x1b" not in shown, text


def test_long_logs_take_a_moment() -> None:
    """10 MB of turns of a loop, with states and lines, and a line of a megabyte."""
    turn = (
        "; for (i = 0; i < 100000; i++) @ long.bpf.c:7\n"
        "1: (07) r1 += 1                       ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))\n"
        "2: (a5) if r1 < 0x186a0 goto pc-2     ; R1=scalar(smin=0,smax=umax=0x1869f,var_off=(0x0; 0x1ffff))\n"
    )
    log = turn * (10_000_000 // len(turn)) + "3: (79) r0 = *(u64 *)(r1 +0)\nR1 invalid mem access 'scalar'\n"
    start = time.process_time()
    found = refusal(log)
    assert found.kind == "scalar" and found.at is not None and found.at.line is not None
    assert sum(1 for _ in records(log)) == log.count("\n")
    refusal("R1=a(" * 200_000 + "\n" + log[-5000:] + "R1=(" * 200_000)
    assert time.process_time() - start < 15
