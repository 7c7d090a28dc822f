"""What a user's tests of probes can do: every example here is run by pytest itself, in a process of its own kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]
Runner = Callable[..., pytest.RunResult]

PROBES = """
from pyebpf import (
    ETH_P_IP, XDP, Config, Ethernet, Global, Hash, IPv4, IPv4Address, PerCpuHash, RingBuf, boot_ns, cgroup, char, comm,
    cpu, current_task, function, ktime_ns, pid, random_u32, raw_tracepoint, socket_filter, struct, tid, tracepoint,
    u8, u16, u32, u64, uid, user_read, user_str, xdp,
)

@struct
class Seen:
    when: u64
    pid: u32
    parent: u32
    comm: char[16]
    file: char[32]

counts = Hash[u32, u64](max_entries=2)
per_cpu = PerCpuHash[u32, u64](max_entries=4)
seen = RingBuf[Seen](size=4096)
total = Global[u64](0)
limit = Config[u32](3)

@struct
class Node:
    next: u64
    size: u32
    name: char[12]

named = Hash[char[12], u64](max_entries=8)

@raw_tracepoint("sys_enter")
def walk(ctx):
    at = ctx.args[0]
    for _ in range(4):
        if at == 0:
            break
        node = user_read(at, Node)
        named[node.name] += node.size
        at = node.next

@xdp
def firewall(packet):
    eth = packet.parse(Ethernet)
    if eth.proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    counts[ip.protocol] += 1
    ip.ttl = 9
    if counts[ip.protocol] > limit.value:
        return XDP.DROP
    return XDP.TX

@tracepoint("syscalls:sys_enter_openat")
def opened(ctx):
    with seen.reserve() as event:
        event.when = ktime_ns()
        event.pid = pid()
        event.parent = current_task().real_parent.tgid
        event.comm = comm()
        event.file = user_str(ctx.filename)
    print(f"{comm()} opened {user_str(ctx.filename)} {ctx.flags:#x}")

@raw_tracepoint("sys_enter")
def raw(ctx):
    per_cpu[u32(ctx.args[1])] += 1
    total.value += 10 // ctx.args[1]
    return u16(total.value)

@cgroup.skb.egress
def outgoing(packet):
    ip = packet.parse(IPv4)
    return 1 if ip.ttl > 1 else 0

@socket_filter
def kept(packet):
    return packet.load(1, u8)

@raw_tracepoint("sys_exit")
def owned(ctx):
    total.value = current_task().mm.owner.tgid

@tracepoint("raw_syscalls:sys_enter")
def called(ctx):
    print(ctx.id, ctx.args[1])

@raw_tracepoint("sys_exit")
def dice(ctx):
    return random_u32() % 6
"""

FRAME = """
from probes import *

def frame(protocol, kind=b"\\x08\\x00"):
    return bytes(12) + kind + bytes([0x45, 0, 0, 20, 0, 0, 0, 0, 64, protocol]) + bytes(10)
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> Runner:
    pytester.makepyfile(probes=PROBES)
    pytester.syspathinsert()

    def run(test: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_probes=FRAME + test)
        return pytester.runpytest_subprocess("-p", "pyebpf.testing.plugin", "-p", "no:cacheprovider", *options)

    return run


def test_results_packets_and_maps(run: Runner) -> None:
    run("""
def test_counts(simulate):
    counts[17] = 2                                  # before anything ran
    result = simulate(firewall, packet=frame(17))
    assert result.result is XDP.TX and result.fault is None
    assert result.packet == frame(17)[:22] + bytes([9]) + frame(17)[23:]
    assert counts[17] == 3 == simulate.maps["counts"][17]
    assert simulate(firewall, packet=frame(17)).result is XDP.DROP
    assert counts.to_dict() == {17: 4} and len(counts) == 1 and list(counts) == [17]
    assert simulate(firewall, packet=frame(6, b"\\x86\\xdd")).result is XDP.PASS

def test_maps_start_empty(simulate):
    assert len(counts) == 0

def test_a_full_map(simulate):
    counts.update({1: 1, 2: 1})
    result = simulate(firewall, packet=frame(3))
    assert (result.fault.kind, result.result) == ("MemoryError", XDP.PASS)

def test_config(simulate):
    simulate.load(firewall, config={"limit": 0})
    assert limit.value == 0
    assert simulate(firewall, packet=frame(1)).result is XDP.DROP
""").assert_outcomes(passed=4)


def test_faults_have_their_line(run: Runner) -> None:
    run("""
def test_short(simulate):
    for _ in range(2):
        result = simulate(firewall, packet=bytes(20) )
    assert result.result is XDP.PASS
    result = simulate(firewall, packet=bytes(12) + b"\\x08\\x00")
    line = next(n for n, text in enumerate(open("probes.py"), 1) if "packet.parse(IPv4)" in text)
    assert (result.fault.kind, result.fault.line, result.fault.count) == ("PacketTooShort", line, 1)
    assert [(fault.kind, fault.line, fault.count) for fault in simulate.faults] == [("PacketTooShort", line, 1)]

def test_division(simulate):
    assert simulate(raw, ctx={"args": (0, 0)}).fault.kind == "ZeroDivisionError"
    assert simulate(raw, ctx=(0, 5)).result == 2
    assert total.value == 2
    total.value = 7
    assert simulate(raw, ctx=(0, 2)).result == 12
""").assert_outcomes(passed=2)


def test_who_when_where(run: Runner) -> None:
    run("""
def test_opened(simulate):
    result = simulate(
        opened,
        ctx={"filename": "/etc/passwd", "flags": 0x80000, "dfd": -100},
        now=77, pid=5, comm="bash",
        current_task={"real_parent": {"tgid": 4}},
    )
    (event,) = result.events
    assert (event.when, event.pid, event.parent, event.comm, event.file) == (77, 5, 4, "bash", "/etc/passwd")
    assert result.printed == ["bash opened /etc/passwd 0x80000"]
    assert seen.poll() == result.events and seen.poll() == [] and seen.dropped == 0

def test_by_address(simulate):
    task = {"real_parent": {"tgid": 1}}
    memory = {0x1000: "/tmp/a"}
    one = simulate(opened, ctx={"filename": 0x1000, "flags": 0}, user_memory=memory, current_task=task)
    assert one.events[0].file == "/tmp/a"
    bad = simulate(opened, ctx={"filename": 0x2000, "flags": 0}, user_memory=memory, current_task=task)
    assert bad.events[0].file == ""

def test_structs_in_user_memory(simulate):
    row = lambda next, size, name: next.to_bytes(8, "little") + size.to_bytes(4, "little") + name.ljust(12, b"#")
    first, second = b"caf\\xc3\\xa9\\0x", b"caf\\xc3\\xa9\\0yz"
    memory = {0x1000: row(0x2000, 7, b"a" * 12), 0x2000: row(0x3000, 5, first), 0x3000: row(0, 6, second)}
    assert simulate(walk, ctx=(0x1000, 0), user_memory=memory).fault is None
    assert named.to_dict() == {"a" * 12: 7, "caf\u00e9": 11}
    del memory[0x3000]
    assert simulate(walk, ctx=(0x1000, 0), user_memory=memory).fault.kind == "NullPointerError"

def test_null_pointer(simulate):
    assert simulate(owned, ctx=(0, 1), current_task={"mm": None}).fault.kind == "NullPointerError"
    assert simulate(owned, ctx=(0, 1), current_task={"mm": {"owner": {"tgid": 4}}}).fault is None
    assert total.value == 4

def test_arrays(simulate):
    assert simulate(called, ctx={"id": 1, "args": (3, 4)}).printed == ["1 4"]

def test_cpus(simulate):
    simulate.load(raw, cpus=3)
    simulate(raw, ctx=(0, 1), cpu=2)
    simulate(raw, ctx=(0, 1), cpu=0)
    simulate(raw, ctx=(0, 1), cpu=2)
    assert list(per_cpu[1]) == [1, 0, 2] and per_cpu[1].sum() == 3

def test_chance(simulate):
    assert [simulate(dice, ctx=(), random=4).result, simulate(dice, ctx=(), random=[11]).result] == [4, 5]
    assert simulate(dice, ctx=(), helpers={"get_prandom_u32": lambda: 3}).result == 3
""").assert_outcomes(passed=7)


def test_packets_as_each_hook_sees_them(run: Runner) -> None:
    run("""
def test_egress(simulate):
    result = simulate(outgoing, packet=frame(6)[14:])
    assert result.result == 1 and result.result.name == "ALLOW"
    assert simulate(outgoing, packet=b"\\x45" + bytes(19)).result.name == "DENY"
    assert simulate(outgoing, packet=b"\\x45").fault.kind == "PacketTooShort"

def test_socket(simulate):
    assert simulate(kept, packet=b"\\x01\\x02\\x03").result == 2
    assert simulate(kept, packet=b"\\x01").fault.kind == "PacketTooShort"
""").assert_outcomes(passed=2)


def test_what_is_missing_is_named(run: Runner) -> None:
    result = run("""
import pytest
from pyebpf.testing import SimulationError, Simulator

MISSING = [
    (lambda s: s(firewall), r"reads a packet: simulate\\(firewall, packet="),
    (lambda s: s(raw, packet=b""), "which has no packet"),
    (lambda s: s(firewall, packet=b"", ctx={"a": 1}), "xdp has no field 'a'"),
    (lambda s: s(raw, ctx=(1,)), r"reads args\\[1\\] of its context"),
    (lambda s: s(opened, ctx={"filename": "", "flag": 0}), "no field 'flag'; did you mean 'flags'"),
    (lambda s: s(opened, ctx={"filename": ""}), "probes.py:.*reads real_parent of struct task_struct"),
    (lambda s: s(opened, ctx={"filename": ""}, current_task={}), "reads real_parent of struct task_struct"),
    (lambda s: s(opened, current_task={"real_parent": {"tgid": 1}}), "reads filename of its context"),
    (lambda s: s(raw, ctx=(), com="x"), "takes no 'com'; did you mean 'comm'"),
    (lambda s: s(raw, ctx=(), comm=b"x"), "comm is text"),
    (lambda s: s(raw, ctx=(), cpu=9), "there are 4 CPUs"),
    (lambda s: s(frame), "runs a probe"),
    (lambda s: s.load(raw, config={"limits": 3}), "no Config 'limits'; did you mean 'limit'"),
    (lambda s: s(dice, ctx=(), random=[]), "more random numbers"),
]

@pytest.mark.parametrize("number", range(len(MISSING)))
def test_missing(simulate, number):
    call, words = MISSING[number]
    with pytest.raises(SimulationError, match=words):
        call(simulate)

@pytest.mark.parametrize("packet", ["text", 5, [1, 2]])
def test_packets_are_bytes(simulate, packet):
    with pytest.raises(TypeError, match=f"^packet is bytes, not {type(packet).__name__}: "):
        simulate(firewall, packet=packet)
    assert simulate(firewall, packet=bytearray(20)).result == simulate(firewall, packet=memoryview(bytes(20))).result

def test_closed():
    with Simulator() as simulate:
        simulate(raw, ctx=(0, 1))
        assert len(per_cpu) == 1
    with pytest.raises(RuntimeError):
        per_cpu[1]
""")
    result.assert_outcomes(passed=18)


def test_lines_that_did_not_run(run: Runner) -> None:
    result = run(
        """
def test_one(simulate):
    simulate(firewall, packet=frame(6, b"\\x86\\xdd"))
    simulate(outgoing, packet=frame(6)[14:])
    simulate(kept, packet=bytes(4))
    simulate(dice, ctx=())
    simulate(raw, ctx=(0, 1))
    simulate(owned, ctx=(0, 1), current_task={"mm": {"owner": {"tgid": 4}}})
    simulate(called, ctx={"id": 1, "args": (3, 4)})
""",
        "--bpf-coverage",
    )
    text = PROBES.strip().split("\n")  # as makepyfile writes it
    first = next(n for n, line in enumerate(text, 1) if "ip = packet.parse(IPv4)" in line)
    event = next(n for n, line in enumerate(text, 1) if "seen.reserve" in line)
    result.stdout.fnmatch_lines(
        [
            "*coverage of probes*",
            "Name * Lines   Miss  Cover   Missing",
            f"probes.py * {first}-{first + 5}, {event}-{event + 6}",
            "TOTAL *",
        ]
    )


def test_without_the_option_nothing_is_reported(run: Runner) -> None:
    result = run("def test_one(simulate):\n    simulate(kept, packet=bytes(4))\n")
    result.stdout.no_fnmatch_line("*coverage of probes*")


@pytest.mark.kernel
def test_the_same_in_the_kernel(run: Runner) -> None:
    result = run(
        """
def test_firewall(simulate):
    counts[17] = 2
    result = simulate(firewall, packet=frame(17))
    assert result.result is XDP.TX and result.fault is None
    assert result.packet == frame(17)[:22] + bytes([9]) + frame(17)[23:]
    assert counts[17] == 3 and simulate(firewall, packet=frame(17)).result is XDP.DROP
    assert simulate(firewall, packet=bytes(12) + b"\\x08\\x00").fault.kind == "PacketTooShort"

def test_egress(simulate):
    assert simulate(outgoing, packet=frame(6)[14:]).result.name == "ALLOW"
    assert simulate(outgoing, packet=b"\\x45" + bytes(19)).result.name == "DENY"

def test_socket(simulate):
    assert simulate(kept, packet=b"\\x01\\x02\\x03").result == 2
    assert simulate(kept, packet=b"\\x01").fault.kind == "PacketTooShort"

def test_raw(simulate):
    assert simulate(raw, ctx=(0, 5)).result == 2
    assert simulate(raw, ctx=(0, 0)).fault.kind == "ZeroDivisionError"
    assert simulate(raw, ctx=(0, 0)).fault.count == 1

def test_comm(simulate):
    simulate(raw, ctx=(0, 5), comm="bash", now=3)

def test_tracepoint(simulate):
    simulate(opened, ctx={"filename": ""})

def test_short(simulate):
    simulate(firewall, packet=bytes(3))
""",
        "--bpf-kernel",
        "-rs",
    )
    result.assert_outcomes(passed=4, skipped=3)
    result.stdout.fnmatch_lines(
        [
            "*--bpf-kernel: only the simulator can supply comm, now",
            "*--bpf-kernel: the kernel has no test run for tracepoint programs: opened runs in the simulator only",
            "*--bpf-kernel: *the kernel takes a packet of at least 14 bytes*",
        ]
    )


@pytest.mark.kernel
def test_mistakes_are_no_reason_to_skip(run: Runner) -> None:
    result = run(
        """
def test_no_such_config(simulate):
    simulate.load(firewall, config={"limits": 1})

def test_a_config_of_another_type(simulate):
    simulate.load(firewall, config={"limit": "many"})
""",
        "--bpf-kernel",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*ConfigError: the object has no Config `limits`; did you mean `limit`?"])


@pytest.mark.kernel
def test_skips_are_at_the_line_that_the_kernel_cannot_run(run: Runner) -> None:
    test = """
import pytest

@pytest.fixture
def loaded(simulate):
    simulate.load(firewall, cpus=2)

def test_fixture(loaded):
    pass

def give(simulate):
    return simulate(raw, ctx=(0, 5), comm="bash")

def test_comm(simulate):
    give(simulate)
"""
    result = run(test, "--bpf-kernel", "-rs")
    result.assert_outcomes(skipped=2)
    lines = (FRAME + test).strip().splitlines()
    places = [lines.index(line) + 1 for line in lines if "cpus=2" in line or "comm=" in line]
    result.stdout.fnmatch_lines_random([f"SKIPPED * test_probes.py:{place}: --bpf-kernel: *" for place in places])


def test_the_plug_in_is_declared_and_costs_nothing(pytester: pytest.Pytester) -> None:
    assert '"pyebpf.testing.plugin" = "pyebpf.testing.plugin"' in (ROOT / "pyproject.toml").read_text()
    pytester.makepyfile("""
def test_one():
    import sys
    assert not {"lark", "llvmlite", "pyebpf.simulator", "pyebpf.compiler"} & sys.modules.keys()
""")
    pytester.runpytest_subprocess("-p", "pyebpf.testing.plugin").assert_outcomes(passed=1)


def test_the_page_about_tests_is_true(pytester: pytest.Pytester) -> None:
    probes, tests = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    pytester.makepyfile(probes=probes, test_page=tests)
    result = pytester.runpytest_subprocess("-p", "pyebpf.testing.plugin", "--bpf-coverage")
    result.assert_outcomes(passed=4)
    shown = re.search(r"Name       Lines .*?\nTOTAL.*?\n", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    assert shown is not None
    result.stdout.fnmatch_lines(shown[0].splitlines())


def test_arguments_of_a_hook_by_name(pytester: pytest.Pytester) -> None:
    """Text for an address is found in user and in kernel memory, since most kernels' types don't tell which it is."""
    pytester.makepyfile(
        probes="""
        from pyebpf import (
            EPERM, Hash, char, fexit, iterator, kernel_str, kprobe, kretsyscall, ksyscall, lsm, tp_btf, u64,
            user_str,
        )

        results = Hash[char[16], u64](max_entries=8)

        @fexit("do_sys_openat2")
        def opened(filename, ret, dfd):
            if ret < 0:
                name: char[16] = user_str(filename)
                results[name] += max(-ret - dfd, 0)

        @tp_btf("task_rename")
        def renamed(task, comm):
            name: char[16] = kernel_str(comm)
            results[name] += task.tgid

        @ksyscall("openat")
        def opening(flags, filename):
            name: char[16] = user_str(filename)
            results[name] += max(flags, 0)

        @kretsyscall("openat")
        def gave(ret):
            results["result"] += max(-ret, 0)

        @kprobe("vfs_read")
        def reading(count, file):
            results["reading"] += count + file.f_flags

        @iterator("task")
        def each(task):
            results["tasks"] += task.tgid

        @kprobe("of no known type")
        def unknown(a: u64, b: u64):
            results["unknown"] += b

        @lsm("socket_bind")
        def judge(addrlen, ret):
            return ret if ret != 0 or addrlen == 16 else -EPERM
        """,
        test_probes="""
        import pytest
        from probes import each, gave, judge, opened, opening, reading, renamed, results, unknown
        from pyebpf.testing import SimulationError

        def test_it(simulate):
            simulate(opened, ctx={"filename": "/etc", "ret": -2, "dfd": -100})
            simulate(opened, ctx={"ret": 3, "filename": None, "dfd": 0})
            simulate(renamed, ctx={"task": {"tgid": 7, "pid": 8}, "comm": "other"})
            assert results.to_dict() == {"/etc": 102, "other": 7}

        def test_registers(simulate):
            simulate(opening, ctx={"filename": "/etc/passwd", "flags": 65})
            simulate(gave, ctx={"ret": -9})
            simulate(reading, ctx={"count": 7, "file": {"f_flags": 0o100000}})
            simulate(unknown, ctx={"a": 1, "b": 2})
            found = {"/etc/passwd": 65, "result": 9, "reading": 0o100007, "unknown": 2}
            assert results.to_dict() == found
            with pytest.raises(SimulationError, match="doesn't supply: ctx={'flags'"):
                simulate(opening, ctx={"filename": "/etc/passwd"})

        def test_the_end_of_an_iterator(simulate):
            simulate(each, ctx={"task": {"tgid": 4}})
            assert not simulate(each, ctx={"task": None}).fault
            assert results.to_dict() == {"tasks": 4}

        def test_results(simulate):
            assert simulate(judge, ctx={"addrlen": 16, "ret": 0}).result == 0
            assert simulate(judge, ctx={"addrlen": 2, "ret": 0}).result in (-1, 2**32 - 1)
            assert simulate(judge, ctx={"ret": -13, "addrlen": 0}).result in (-13, 2**32 - 13)

        def test_a_null_pointer(simulate):
            assert simulate(renamed, ctx={"task": None, "comm": "x"}).fault.kind == "NullPointerError"

        @pytest.mark.parametrize("ctx, says", [
            ({"filname": "x"}, "did you mean 'filename'"),
            ({"filename": "x", "dfd": 1 << 40}, "dfd"),
            ({"filename": "x"}, "doesn't supply: ctx={'ret'"),
            (7, "a dict of its arguments"),
        ])
        def test_what_is_wrong(simulate, ctx, says):
            with pytest.raises(SimulationError, match=says):
                simulate(opened, ctx=ctx)
        """,
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=9)
