"""The language reference: every construct has an example, and the examples hold, in the kernel and in Python."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import pyebpf
from pyebpf.syntax.tables import grammar_text, parser

DOCS = Path(__file__).parents[2] / "docs"
PACKET = bytes(64)
pytestmark = [
    pytest.mark.filterwarnings("error::pyebpf.CompileWarning"),
    pytest.mark.filterwarnings("ignore:no probe uses"),  # each example gets the declarations of all
    pytest.mark.filterwarnings("ignore:this is never reached"),  # and a return at its end
]
NOT_LANGUAGE = {"start", "as_item", "slice"}
"""What is no construct of its own; slices are read so that they can be named in a message."""


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_reference", DOCS / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


EXAMPLES = [pytest.param(rule.module, id=rule.title) for rule in reference().rules(grammar_text()) if rule.example]


def functions(module: str) -> Iterator[str]:
    """The text of each function in a module."""
    for match in re.finditer(r"^def .*\n(?:(?:[ \t].*)?\n)*", module, re.MULTILINE):
        yield match[0]


def constructs() -> set[str]:
    """The names of the grammar's rules and alternatives that can appear in a tree."""
    grammar = re.sub(r"^\s*//.*", "", grammar_text(), flags=re.MULTILINE)
    named = set(re.findall(r"->\s*(\w+)", grammar))
    kept = {name for mark, name in re.findall(r"^([?!]*)([a-z]\w*):", grammar, re.MULTILINE) if "?" not in mark}
    return (named | kept) - NOT_LANGUAGE


def test_every_construct_has_an_example() -> None:
    seen: set[str] = set()
    for example in EXAMPLES:
        for text in functions(str(example.values[0])):
            for tree in parser().parse(f"\n{text}", start="start").iter_subtrees():
                seen.add(str(tree.data))
    assert constructs() - seen == set(), "add an example to the comment above the rule in grammar/pyebpf.lark"


@pytest.mark.kernel
@pytest.mark.parametrize("module", EXAMPLES)
def test_example_holds_in_the_kernel(module: str, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(module)
    with pyebpf.load(path, attach=False) as session:
        for program in session.programs.values():
            assert program.test_run(data=PACKET).result == 2
        assert not list(session.faults)


class Stand:
    """A map class in plain Python: `Hash[u32, u64](max_entries=64)` makes what behaves alike."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __getitem__(self, _types: object) -> Any:
        return self.make


def python_scope() -> dict[str, Any]:
    """What an example finds in plain Python: its types without widths, its maps as Python's own containers."""

    def struct(cls: type) -> Any:
        class Struct(SimpleNamespace):
            def __init__(self, **fields: Any) -> None:
                super().__init__(**{**dict.fromkeys(cls.__annotations__, 0), **fields})

        return Struct

    ring = SimpleNamespace(reserve=lambda: nullcontext(SimpleNamespace()))
    return {
        "XDP": pyebpf.XDP,
        "Array": Stand(lambda max_entries: [0] * max_entries),
        "Hash": Stand(lambda max_entries: Counts()),
        "RingBuf": Stand(lambda size: ring),
        "struct": struct,
        "function": lambda function: function,
        "xdp": lambda function: function,
        "pid": lambda: 1,
        "print": lambda *_: None,
        **dict.fromkeys(("u8", "u16", "u32", "u64", "i32", "i64"), int),
    }


class Counts(Counter[int]):
    """A missing entry starts at zero for `+=` only, as in a map."""

    def __missing__(self, key: int) -> int:
        raise KeyError(key)


@pytest.mark.parametrize("module", EXAMPLES)
def test_example_holds_in_python(module: str) -> None:
    text = re.sub(r"^from pyebpf import .*", "", module, flags=re.MULTILINE)
    scope = python_scope()
    exec(compile("from __future__ import annotations\n" + text, "<example>", "exec"), scope)
    assert scope["example"](PACKET) == pyebpf.XDP.PASS
