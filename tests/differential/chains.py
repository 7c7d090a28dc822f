"""Random programs full of chains through the kernel's structs, as many as you like.

    python tests/differential/chains.py --programs 1000 --from 0

Roots are the running task (as an address alone, and as what the verifier knows), the task of a `@tp_btf` program, the
file of an iterator, and from those an open file, sockets and a packet that waits in one. Each program must load, if it
is accepted, and read what another program (`kernel_reader.py`) reads at the offsets that this folder's own reading of
the kernel's types gives (`kernel_walk.py`). What changes meanwhile is left out. Exit code 1 if something isn't the
same. Needs root, and x86-64.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final, final

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import kernel_reader
from kernel_reader import GETPRIORITY, Reader, fire
from kernel_walk import DeadEnd, Leaf, Place, Walker
from references import campaign

import pyebpf
from pyebpf.codegen import Worker
from pyebpf.compiler import compile_target
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import Version, running_version

FILE, SOCKET = 900, 901
"""Descriptors of this process."""
RENAME: Final = 15
"""PR_SET_NAME."""
UNKNOWN, DONE, NULL = 0, 1, 2
"""How it went with an item."""
WAYS: Final = ["plain", "plain", "local", "cast", "function", "container", "either", "loop", "facts", "asked"]
HEAD: Final = """
from pyebpf import (
    Array, Config, Global, Kernel, NullPointerError, cast, char, container_of, current_task, function, i64, iterator,
    kernel_str, pid, raw_tracepoint, sizeof, struct, tp_btf, u8, u32, u64,
)

@struct
class Text:
    text: char[64]

plain = Array[u64](max_entries=32)
signed = Array[i64](max_entries=32)
texts = Array[Text](max_entries=32)
state = Array[u8](max_entries=32)
only, zero, one = Config[u32](0), Global[u32](0), Global[u32](1)
"""
HOOKS: Final = {
    "raw": f"""
@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() != only.value or ctx.args[1] != {GETPRIORITY}:
        return
    task = current_task()
""",
    "tp_btf": """
@tp_btf("task_rename")
def probe(task):
    if task.tgid != only.value:
        return
""",
    "iterator": f"""
@iterator("task_file")
def probe(task, fd, file):
    if task.tgid != only.value or fd != {FILE}:
        return
""",
}


@final
@dataclass(frozen=True)
class Item:
    """A value that a program writes, and what it should be of what lies at the leaf."""

    leaf: Leaf
    array: str
    change: str = ""
    """What is done to it: `& 1`, `> 5`, twice."""
    direct: bool = False
    """Whether the verifier knows the struct at the root, so that a wild pointer reads as zeros."""

    def expected(self, data: bytes) -> int | str:
        value = self.leaf.value(data)
        match self.change:
            case "odd":
                return int(value) & 1
            case "positive":
                return int(int(value) > 5)
            case "twice":
                return 2 * (int(value) & 255)
            case "there":
                return int(value != 0)
            case _:
                return value


@final
class Writer:
    """Writes one program."""

    def __init__(self, random: Random, btf: Btf, kernel: Version) -> None:
        self.random = random
        self.walker = Walker(btf, random)
        self.hook = random.choice(("raw", "raw", "tp_btf", "iterator"))
        self.direct = self.hook != "raw" or kernel >= (5, 11)
        self.functions: list[str] = []
        self.lines: list[str] = []
        self.items: list[Item] = []

    def program(self) -> str:
        roots = self.roots()
        while len(self.items) < 14:
            root = self.random.choice(roots)
            try:
                leaf = self.walker.leaf(root)
            except DeadEnd:
                continue
            self.item(root, leaf)
        body = "".join(f"    {line}\n" for line in self.lines)
        return HEAD + "".join(self.functions) + HOOKS[self.hook] + body

    def roots(self) -> list[Place]:
        """What chains may begin with: pointers to structs, in the names of locals."""
        place = self.walker.struct
        task = Place("task", (), 0, place("task_struct"), pointer="task_struct")
        files = self.follow(task, "files", "fdt", "fd")
        first = (*files.steps, 8 * FILE)
        found = [task, task]
        if self.hook == "iterator":
            found.append(Place("file", first, 0, place("file"), pointer="file"))
        else:
            found.append(self.local("file", f"{files.text}[{FILE}]", "file", first))
            other = self.local("other", f"{files.text}[{SOCKET}]", "file", (*files.steps, 8 * SOCKET))
            whole = self.follow(other, "private_data")
            sock = self.follow(self.local("owner", f'cast({whole.text}, "struct socket")', "socket", whole.steps), "sk")
            udp = self.local("udp", f'cast({sock.text}, "struct udp_sock")', "udp_sock", sock.steps)
            head = self.follow(self.inside(sock, "sk_receive_queue"), "next")
            packet = self.local("packet", f'cast({head.text}, "struct sk_buff")', "sk_buff", head.steps)
            found += [udp, sock, packet, self.follow(packet, "sk")]
        return found

    def local(self, name: str, text: str, struct: str, steps: tuple[int, ...]) -> Place:
        self.lines.append(f"{name} = {text}")
        return Place(name, steps, 0, self.walker.struct(struct), pointer=struct)

    def inside(self, place: Place, name: str) -> Place:
        btf = self.walker.btf
        access = btf.member(btf.resolve(place.type_id), name)
        assert access is not None, name
        return Place(f"{place.text}.{name}", place.steps, place.offset + access.byte_offset, access.type_id)

    def follow(self, place: Place, *names: str) -> Place:
        """The struct that a member points to; of the last name's what it points to, whatever that is."""
        btf = self.walker.btf
        for name in names:
            place = self.inside(place, name)
            pointer: Any = btf.type(btf.resolve(place.type_id))
            place = Place(place.text, (*place.steps, place.offset), 0, pointer.type_id)
        return replace(place, pointer=btf.type(btf.resolve(place.type_id)).name) if place.type_id else place

    def item(self, root: Place, leaf: Leaf) -> None:
        """Write what reads it, one way or another."""
        index, text, lines = len(self.items), leaf.place.text, []
        way = self.random.choice(WAYS)
        rest = text.removeprefix(root.text)
        if root.pointer and rest.startswith("."):
            text, lines = self.otherwise(way, root, rest, leaf, index)
        if leaf.sort in ("text", "string"):
            value = f"kernel_str({text})" if leaf.sort == "string" else text
            lines.append(f"texts[{index}].text = {value}")
            self.items.append(Item(leaf, "texts", direct=self.direct))
        else:
            lines += self.number(leaf, text, index, way)
        lines.append(f"state[{index}] = {DONE}")
        self.lines += [
            "try:",
            *(f"    {line}" for line in lines),
            "except NullPointerError:",
            f"    state[{index}] = {NULL}",
        ]

    def otherwise(self, way: str, root: Place, rest: str, leaf: Leaf, index: int) -> tuple[str, list[str]]:
        """The chain in another form, and what must stand before it."""
        struct = root.pointer
        match way:
            case "local":
                return f"p{index}{rest}", [f"p{index} = {root.text}"]
            case "cast":
                return f'cast({root.text}, "struct {struct}"){rest}', []
            case "function" if leaf.sort not in ("text", "string", "array"):
                head = f'\n@function\ndef f{index}(p: Kernel["struct {struct}"]):\n'
                self.functions.append(f"{head}    return p{rest}\n")
                return f"f{index}({root.text})", []
            case "asked" if not rest.endswith("]"):
                head, _, last = rest.rpartition(".")
                known = f'hasattr({root.text}{head}, "{last}") and sizeof("struct {struct}") > 0'
                return f"{root.text}{rest}", [f"if not ({known}):", f"    state[{index}] = 9", "    return"]
            case "container" if struct == "task_struct":
                return f'container_of({root.text}.tasks, "struct task_struct", "tasks"){rest}', []
            case "either" if struct == "task_struct":
                return f"p{index}{rest}", [f"p{index} = {root.text} if one.value == 1 else {root.text}.real_parent"]
            case _:
                return f"{root.text}{rest}", []

    def number(self, leaf: Leaf, text: str, index: int, way: str) -> list[str]:
        direct = self.direct
        value = f"u64({text})" if leaf.sort in ("truth", "pointer") or (leaf.sort == "bits") else text
        array = "signed" if leaf.signed else "plain"
        if leaf.signed and leaf.sort == "bits":
            value = text
        if leaf.sort == "array":
            self.items.append(Item(leaf, "plain", "", direct))
            return [f"plain[{index}] = 0", f"for each in {text}:", f"    plain[{index}] += u64(each & 255)"]
        if way == "loop" and leaf.sort == "number" and not leaf.signed:
            self.items.append(Item(leaf, array, "twice", direct))
            return [f"plain[{index}] = 0", "for _ in range(2):", f"    plain[{index}] += {text} & 255"]
        if leaf.sort == "pointer" and self.random.random() < 0.5:
            self.items.append(Item(leaf, "plain", "there", direct))
            return [f"plain[{index}] = 0 if {text} is None else 1"]
        if way == "facts" and leaf.sort == "number":
            change = self.random.choice(("odd", "positive"))
            self.items.append(Item(leaf, "plain", change, direct))
            test = f"{text} & 1 != 0" if change == "odd" else f"{text} > 5"
            return [f"plain[{index}] = 1 if {test} else 0"]
        self.items.append(Item(leaf, array, "", direct))
        return [f"{array}[{index}] = {value}"]


@final
class Trial:
    """What all programs of a campaign share."""

    def __init__(self, read: Reader) -> None:
        self.read = read
        self.btf = Btf.running()
        self.counts: Counter[str] = Counter()

    def attempt(self, number: int, worker: Worker, folder: Path) -> None:
        """Make program `number`, load it, and compare what it reads."""
        random = Random(f"chains {number}")
        kernel = random.choice(((5, 10), (5, 15), running_version()))
        writer = Writer(random, self.btf, kernel)
        text = writer.program()
        path = folder / f"chains_{number}.py"
        path.write_text(text)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", pyebpf.CompileWarning)
            obj = compile_target(path, kernel=kernel, worker=worker)
            path.unlink()
            for last in (False, False, True):
                found = self.differences(obj, writer)
                if not found or last:
                    break
        assert not found, "\n".join([*found, f"compiled for {kernel}", text])

    def differences(self, obj: Any, writer: Writer) -> list[str]:
        """Items that are not what the other program reads."""
        wanted = [(item.leaf.place.steps, item.leaf.place.offset, item.leaf.size) for item in writer.items]
        with pyebpf.load(obj, config={"only": os.getpid()}) as session:
            before = self.read.read(wanted)
            {"raw": fire, "tp_btf": rename, "iterator": lambda: session.links["probe"].read()}[writer.hook]()
            maps = {name: session.maps[name] for name in ("plain", "signed", "texts", "state") if name in session.maps}
            got = [(maps["state"][index], maps[item.array][index]) for index, item in enumerate(writer.items)]
            after = self.read.read(wanted)
        wrong = []
        for item, one, other, (state, value) in zip(writer.items, before, after, got, strict=True):
            if one != other:
                self.counts["changed"] += 1
                continue
            shown = value.text if item.array == "texts" else value
            expected = (NULL, "") if one is None else (DONE, item.expected(one))
            self.counts["null" if one is None else "equal"] += 1
            if one is None and item.direct and state == DONE and shown in (0, "", item.expected(bytes(64))):
                continue
            if state != expected[0] or (one is not None and shown != expected[1]):
                wrong.append(f"{item.leaf.place.text}: {(state, shown)}, and it is {expected} ({item})")
        return wrong


def rename() -> None:
    """Name this thread as it is named."""
    name = Path("/proc/self/comm").read_bytes().strip()
    ctypes.CDLL(None).prctl(RENAME, name, 0, 0, 0)


@contextmanager
def descriptors() -> Iterator[None]:
    """A file, and a socket with a packet that waits."""
    with open(__file__) as file, socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"waiting", receiver.getsockname())
        os.dup2(file.fileno(), FILE)
        os.dup2(receiver.fileno(), SOCKET)
        try:
            yield
        finally:
            os.close(FILE)
            os.close(SOCKET)


def main() -> int:
    with descriptors(), kernel_reader.reader() as read:
        trial = Trial(read)
        code = campaign(__doc__, trial.attempt)
        print(f"values: {dict(trial.counts)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
