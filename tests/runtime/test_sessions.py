"""Sessions: what they open, when they close, several at once, in threads, after fork, without anybody holding them."""

from __future__ import annotations

import gc
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from run_kernel import bpf_ids, in_child, left_over

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
@struct
class Event:
    number: u64

counts = Hash[u32, u64](max_entries=64)
cells = Array[u64](max_entries=2)
sizes = Histogram()
events = RingBuf[Event](size=4096)
calls = Global[u64](5)
only = Config[u32](0)

@tracepoint("raw_syscalls:sys_enter")
def count(ctx):
    if pid() == only.value:
        calls.value += 1
        counts[1] += 1

@raw_tracepoint("sys_enter")
def send(ctx):
    if only.value and pid() != only.value:
        return
    cells[0] += 1
    sizes.observe(ctx.args[0])
    with events.reserve() as event:
        event.number = ctx.args[0]
"""


@pytest.fixture
def module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program(PROGRAM)


@pytest.fixture
def session(module: ModuleType) -> Iterator[pyebpf.Session]:
    with pyebpf.load(module, attach=False, config={"only": os.getpid()}) as session:
        yield session


def call(times: int = 1) -> None:
    for _ in range(times):
        os.getppid()


def send(session: pyebpf.Session, number: int = 0) -> None:
    session.programs["send"].test_run(ctx=number.to_bytes(8, "little") * 2)


def test_targets(module: ModuleType, tmp_path: Path) -> None:
    """A module, probes of it, its file, its object: all the same programs, and only those that are asked for."""
    saved = tmp_path / "saved.o"
    pyebpf.compile(module).save(saved)
    both = {"count", "send"}
    targets: list[tuple[Any, set[str]]] = [
        (module, both), (module.count, {"count"}), ([module.send], {"send"}), ((module.send, module.count), both),
        (iter([module.send]), {"send"}), (module.__file__, both), (Path(module.__file__), both), (saved, both),
        (str(saved), both), (pyebpf.compile(module), both),
    ]  # fmt: skip
    for target, programs in targets:
        with pyebpf.load(target, attach=False) as session:
            assert set(session.programs) == programs and not session.links
            live = not isinstance(target, str | Path | pyebpf.Object) and "send" in programs
            assert (module.cells.view is session.maps.get("cells")) == (live or "send" not in programs)
        assert module.cells.view is None


@pytest.mark.parametrize("target", [5, None, [], [5], object()])
def test_what_is_no_target(target: object) -> None:
    with pytest.raises(TypeError):
        pyebpf.load(target)


@pytest.mark.parametrize(("target", "kind"), [(5, "int"), (None, "NoneType"), ([5], "int"), (b"x.py", "bytes")])
def test_what_is_no_target_is_said(target: object, kind: str) -> None:
    for function in (pyebpf.load, pyebpf.compile):
        with pytest.raises(TypeError, match=f"^a target is a probe, probes, a module, or a path; not {kind}$"):
            function(target)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cpu": "v9"}, ValueError, "there is no instruction set 'v9'; there are v1 v2 v3 v4"),
        ({"cpu": ""}, ValueError, "there is no instruction set ''"),
        ({"cpu": 3}, TypeError, "cpu is the name of an instruction set, v1 v2 v3 v4, not 3"),
        ({"kernel": "abc"}, ValueError, "'abc' is not a kernel version"),
        ({"kernel": 5.10}, TypeError, "kernel is a version, such as (5, 10) or '5.10', not 5.1"),
        ({"kernel": (5, "10")}, TypeError, "kernel is a version"),
        ({"kernel": (5,)}, ValueError, "kernel is a version of two numbers"),
        ({"btf": 7}, TypeError, "btf is types of a kernel as Btf, their bytes, or a file; not int"),
    ],
)
def test_options_that_are_none(
    module: ModuleType, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        pyebpf.compile(module, **options)


def test_a_kernel_as_text_is_the_same(module: ModuleType) -> None:
    assert pyebpf.compile(module, kernel="5.10").elf == pyebpf.compile(module, kernel=(5, 10)).elf


def test_an_object_is_shown_without_its_bytes(module: ModuleType) -> None:
    made = pyebpf.compile(module)
    assert repr(made) == f"<Object of count, send: {len(made.elf):,} bytes>"


def test_targets_that_are_not_there_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.o").write_bytes(b"\x7fELF")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(FileNotFoundError):
        pyebpf.load(tmp_path / "nothing.py")
    with pytest.raises(FileNotFoundError):
        pyebpf.load(tmp_path / "nothing.o")
    with pytest.raises(pyebpf.Error):
        pyebpf.load(tmp_path / "broken.o")
    with pytest.raises(pyebpf.CompileError):
        pyebpf.load(tmp_path / "empty.py")


def test_attaching_later_and_detaching(module: ModuleType, session: pyebpf.Session) -> None:
    call(5)
    assert module.calls.value == 5 and "not attached" in repr(session)
    link = session.attach("count")
    call(50)
    seen = module.calls.value
    assert seen >= 55 and session.links == (link,) and link.attached and "sys_enter" in repr(link)
    with pytest.raises(pyebpf.LoadError, match="attached there already") as caught:
        session.attach("count")
    assert caught.value.reason == "target" and session.links == (link,)
    link.detach()
    link.detach()
    second = session.attach(session.programs["count"])
    assert session.links == (second,) and "detached" in repr(link)
    second.detach()
    seen = module.calls.value
    call(50)
    assert module.calls.value == seen


def test_wrong_places(module: ModuleType, session: pyebpf.Session) -> None:
    with pytest.raises(pyebpf.LoadError, match="no program nothing; there are count, send") as caught:
        session.attach("nothing")
    assert caught.value.reason == "target"
    with pytest.raises(pyebpf.LoadError, match="takes no place"):
        session.attach("count", "lo")
    before = bpf_ids()
    with pytest.raises(pyebpf.LoadError, match="no program nothing"):
        pyebpf.load(module, where={"nothing": "lo"})
    with pytest.raises(pyebpf.LoadError, match="takes no place"):
        pyebpf.load(module, where={"send": "lo"})
    assert not left_over(before) and not session.links


def test_closed(module: ModuleType) -> None:
    session = pyebpf.load(module, config={"only": os.getpid()})
    views = [*session.maps.values(), *session.variables.values(), *session.programs.values()]
    called: list[int] = []
    session.on_close(lambda: called.append(1))
    session.close()
    session.close()
    assert called == [1] and session.closed and not session.links and "closed" in repr(session)
    uses: list[Callable[[], object]] = [
        lambda: session.maps["counts"][1], lambda: session.maps["counts"].update({1: 1}),
        lambda: len(session.maps["counts"]), lambda: 1 in session.maps["counts"], lambda: session.maps["cells"][0],
        lambda: list(session.maps["cells"]), lambda: session.maps["sizes"].buckets(), lambda: session.faults,
        lambda: session.variables["calls"].value, lambda: setattr(session.variables["calls"], "value", 1),
        lambda: session.stats, lambda: session.attach("count"), lambda: send(session),
        lambda: session.programs["send"].stats, lambda: session.maps["counts"].clear(),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(ValueError, match="closed"):
            use()
    for view in views:
        assert repr(view)


def test_outside_of_a_session(module: ModuleType) -> None:
    uses: list[Callable[[], object]] = [
        lambda: module.counts[1], lambda: len(module.counts), lambda: 1 in module.cells,
        lambda: module.counts.to_dict(),
        lambda: module.counts.update({1: 1}), lambda: next(iter(module.events)), lambda: module.events.poll(),
        lambda: module.sizes.buckets(),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(RuntimeError, match="is not loaded: use it inside"):
            use()
    with pytest.raises(RuntimeError, match="load it with"):
        module.count(None)
    module.calls.value = 41
    with pytest.raises(OverflowError):
        module.calls.value = -1
    assert module.calls.value == 41
    with pyebpf.load(module, attach=False):
        assert module.calls.value == 41
        module.calls.value = 42
    assert module.calls.value == 41  # what the next session starts with


def test_two_sessions_of_one_module(module: ModuleType) -> None:
    with pyebpf.load(module, attach=False) as first:
        module.counts[1] = 1
        with pyebpf.load(module, attach=False) as second:
            with pytest.raises(pyebpf.LoadError, match="of another session"):
                second.attach(first.programs["count"])
            assert 1 not in module.counts and module.counts.view is second.maps["counts"]
            module.counts[2] = 2
            module.calls.value = 7
        assert module.counts.to_dict() == {1: 1} == first.maps["counts"].to_dict()
        assert module.calls.value == 5
        third = pyebpf.load(module, attach=False)
        fourth = pyebpf.load(module, attach=False)
        third.close()
        assert module.counts.view is fourth.maps["counts"]
        fourth.close()
        assert module.counts[1] == 1
    assert module.counts.view is None and module.calls.view is None


def test_an_error_in_the_block_closes_too(module: ModuleType) -> None:
    with pytest.raises(ZeroDivisionError), pyebpf.load(module, config={"only": os.getpid()}) as session:
        1 // 0
    assert session.closed and module.counts.view is None


def test_a_session_that_nobody_holds_is_gone(module: ModuleType) -> None:
    """At once, though the module's maps, one of them a ring, have been used and the module lives on."""
    before = bpf_ids()
    gc.disable()
    try:
        session = pyebpf.load(module, config={"only": os.getpid()})
        send(session)
        assert len(module.events.poll()) > 0 and session.prints.poll() == [] and session.stats
        assert len(session.links) == 2
        del session
        assert not left_over(before)
    finally:
        gc.enable()
    assert module.counts.view is None


def test_threads(module: ModuleType, session: pyebpf.Session) -> None:
    def work(number: int) -> None:
        for _ in range(100):
            send(session, number)
            module.counts[number] = module.counts.get(number, 0) + 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert module.counts.to_dict() == dict.fromkeys(range(8), 100)
    assert module.sizes.total == 800 and len(module.events.poll()) + module.events.dropped == 800


def test_a_child_of_fork_has_its_own_end(module: ModuleType, session: pyebpf.Session) -> None:
    """It sees the same maps; what it closes stays with its parent."""
    link = session.attach("count")
    module.counts[5] = 5

    def child() -> list[object]:
        found = module.counts[5]
        module.counts[6] = 6
        session.close()
        return [found, session.closed, link.attached]

    assert in_child(child) == [5, True, False]
    assert module.counts[6] == 6 and link.attached
    before = module.calls.value
    call(20)
    assert module.calls.value >= before + 20
    send(session, 1)
    assert [event.number for event in module.events.poll(1)] == [1]


def test_maps_of_the_compilers_own_are_left_out(program: Callable[[str], ModuleType]) -> None:
    """Local memory beyond the stack lies in one, which nobody declared."""
    large = program("""
sums = Array[u64](max_entries=1)

@socket_filter
def total(packet):
    cells = u64[100]()
    for i in range(100):
        cells[i] = i
    sums[0] = cells[len(packet) % 100]
""")
    with pyebpf.load(large, attach=False) as session:
        assert "__pyebpf_scratch" in {spec.name for spec in session.object.maps}
        session.programs["total"].test_run(bytes(64))
        assert list(session.maps) == ["sums"] and session.maps["sums"][0] > 0
