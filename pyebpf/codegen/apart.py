"""Keeping tests of pointers apart, in optimised IR.

    x = select p != null, 64, y                 (p | q) != 0
    z = select q != null, 64, x     becomes     in the code that LLVM makes of it

and the verifier lets nobody "or" pointers. What was chosen first is therefore hidden from LLVM: `asm ""` gives back
what it gets. So is a null that may be chosen in place of a pointer, of which it makes `mask & p`; and the outcome of a
test that is to be combined with another one: it becomes 0 or 1 by a branch, so that the verifier knows on either way
whether the pointer is null.

The code generator's process loads this file by itself: it imports nothing of pyebpf.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

_NAME: Final = r'%(?:[-\w.$]+|"[^"]*")'
_NAMES: Final = re.compile(_NAME)
_TEST: Final = re.compile(rf"\s+({_NAME}) = icmp (?:eq|ne) ptr {_NAME}, null\b")
_COPY: Final = re.compile(
    rf"\s+({_NAME}) = (?:(?:zext|sext|trunc)\b[^%]* ({_NAME}) to"
    rf"|(?:icmp \w+|xor|and|or) i\d+ ({_NAME}), (?:-?\d+|true|false)\b)"
)
"""What says the same as its operand, in another way."""
_COMBINES: Final = re.compile(rf"\s+({_NAME}) = (select|and|or|xor)\b")
_CHOICE: Final = re.compile(
    rf"\s+({_NAME}) = select i1 ({_NAME}), (?!i1 )(i\d+|ptr) ({_NAME}|[^,]+), (?:i\d+|ptr) ({_NAME}|[^,]+)"
)
_JUMPS: Final = re.compile(
    rf"\s+{_NAME} = (?:(?:and|or) i1\b|select i1 {_NAME}, i1 (?:true, i1 {_NAME}|{_NAME}, i1 false)(?:,|$))"
)
"""The `and` and the `or` of which LLVM makes two branches; the other choices of truth values it turns around first."""
_BRANCH: Final = re.compile(rf"\s+br i1 ({_NAME}),")
_DEBUG: Final = re.compile(r", !dbg !\d+$")


def keep_apart(text: str) -> str:
    """Optimised IR, in which no two tests are combined of which one is of a pointer."""
    if " ptr " not in text or ", null" not in text:
        return text
    rows = text.split("\n")
    found: list[str] = []
    start = None
    for number, row in enumerate(rows):
        if start is None:
            found.append(row)
            if row.startswith("define "):
                start = number + 1
        elif row == "}":
            found += _function(rows[start:number])
            found.append(row)
            start = None
    return "\n".join(found)


def _function(rows: list[str]) -> list[str]:
    """The body of one function."""
    tests = _tests(rows)
    if not tests:
        return rows
    uses: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        for name in dict.fromkeys(_NAMES.findall(row)):
            uses[name].append(number)
    choices = _choices(rows)
    found: list[str] = []
    for number, row in enumerate(rows):
        if number in choices:
            choice, beside = choices[number]
            hidden = dict.fromkeys(_chosen(choice, beside, tests), choice[3])
            if " ptr null" in row:
                hidden["null"] = "ptr"
        elif _COMBINES.match(row) and not _COPY.match(row):
            told = {name: tests[name] for name in _operands(row) if name in tests}
            hidden = {} if len(told) == 1 and _is_branch(rows, number, uses) else told
        else:
            hidden = {}
        for name, type in hidden.items():
            more, other = _hide(name, type, f"%pyebpf.apart.{number}.{len(found)}", row)
            found += more
            row = _replaced(row, name, other)
        found.append(row)
    return found


def _choices(rows: list[str]) -> dict[int, tuple[re.Match[str], dict[str, str]]]:
    """By row: the parts of a `select` of something else than truth values; and for all such in its block, what they
    are chosen by."""
    found: dict[int, tuple[re.Match[str], dict[str, str]]] = {}
    beside: dict[str, str] = {}
    for number, row in enumerate(rows):
        if row and not row[0].isspace():
            beside = {}
        if (choice := _CHOICE.match(row)) is not None:
            beside[choice[1]] = choice[2]
            found[number] = choice, beside
    return found


def _chosen(choice: re.Match[str], beside: dict[str, str], tests: dict[str, str]) -> list[str]:
    """What a `select` chooses from that another one in its block has chosen, if one of them tests a pointer."""
    names = dict.fromkeys(name for name in (choice[4], choice[5]) if name in beside)
    return [name for name in names if choice[2] in tests or beside[name] in tests]


def _tests(rows: list[str]) -> dict[str, str]:
    """Values that say whether a pointer is null, and their types."""
    found: dict[str, str] = {}
    for row in rows:  # what a test becomes stands after it
        if (test := _TEST.match(row)) is not None:
            found[test[1]] = "i1"
        elif (copy := _COPY.match(row)) is not None and (copy[2] or copy[3]) in found:
            found[copy[1]] = _type(row)
    return found


def _type(row: str) -> str:
    """The type of what an integer operation gives."""
    if " = icmp " in row:
        return "i1"
    cast = re.search(r" to (i\d+)\b", row)
    if cast is not None:
        return cast[1]
    plain = re.search(r" (i\d+) ", row)
    assert plain is not None, row
    return plain[1]


def _operands(row: str) -> Iterator[str]:
    """The values that `row` names, each once, but for the one that it defines."""
    _, _, right = row.partition(" = ")
    yield from dict.fromkeys(_NAMES.findall(right))


def _is_branch(rows: list[str], number: int, uses: dict[str, list[int]]) -> bool:
    """Whether row `number` combines two conditions only for a branch: LLVM makes two branches of it."""
    if not _JUMPS.match(rows[number]):
        return False
    operands = list(_operands(rows[number]))
    name = _NAMES.findall(rows[number])[0]
    others = [at for at in uses[name] if at != number]
    branch = _BRANCH.match(rows[others[0]]) if len(others) == 1 else None
    combined = any(_COMBINES.match(rows[at]) for operand in operands for at in uses[operand] if at != number)
    return branch is not None and branch[1] == name and not combined


def _hide(name: str, type: str, fresh: str, row: str) -> tuple[list[str], str]:
    """Rows that make a value equal to `name` of which LLVM knows nothing, and the name of that."""
    debug = _DEBUG.search(row)
    end = debug[0] if debug is not None else ""
    if type in ("i64", "ptr"):
        return [f'  {fresh} = call {type} asm sideeffect "", "=r,0"({type} {name}){end}'], fresh
    back = f"icmp ne i64 {fresh}.hidden, 0" if type == "i1" else f"trunc i64 {fresh}.hidden to {type}"
    return [
        f"  {fresh}.wide = zext {type} {name} to i64{end}",
        f'  {fresh}.hidden = call i64 asm sideeffect "", "=r,0"(i64 {fresh}.wide){end}',
        f"  {fresh} = {back}{end}",
    ], fresh


def _replaced(row: str, name: str, other: str) -> str:
    """`row` with another operand in place of `name`."""
    left, equals, right = row.partition(" = ")
    if name == "null":
        return left + equals + right.replace(" ptr null", f" ptr {other}")
    return left + equals + _NAMES.sub(lambda found: other if found[0] == name else found[0], right)
