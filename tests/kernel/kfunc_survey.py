"""Which of a kernel's kfuncs the language has words for, and why not for the others.

python tests/kernel/kfunc_survey.py [BTF]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from kfunc_facts import kfuncs

from pyebpf.ir.module import StructPointer
from pyebpf.irbuild.kfunc_types import Unspeakable, read_signature, signature
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Function, FunctionPrototype
from pyebpf.kernel.kfuncs import LENDS, REFUSED, iterator_of, pair_by_name


class Survey(NamedTuple):
    """Names of kfuncs."""

    callable: tuple[str, ...]
    refused: dict[str, tuple[str, ...]]
    """By the reason that the diagnostic gives."""


def survey(btf: Btf) -> Survey:
    """Of every kfunc that `btf` marks as one."""
    able: list[str] = []
    refused: defaultdict[str, list[str]] = defaultdict(list)
    for name, number in sorted(kfuncs(btf).items()):
        iterator = iterator_of(name)  # a loop takes all three parts
        reason = REFUSED.get(f"{iterator}_next" if iterator else name) or _reason(btf, name, number)
        if reason:
            refused[reason].append(name)
        else:
            able.append(name)
    return Survey(tuple(able), {reason: tuple(names) for reason, names in refused.items()})


def _reason(btf: Btf, name: str, number: int) -> str:
    function = btf.type(number)
    assert isinstance(function, Function)
    prototype = btf.type(function.type_id)
    assert isinstance(prototype, FunctionPrototype)
    iterator = iterator_of(name)
    try:
        found = read_signature(btf, name, prototype, iterator) if iterator else signature(btf, name, prototype)
    except Unspeakable as error:
        return str(error)
    given = found.ref.result
    struct = given.struct if isinstance(given, StructPointer) else ""
    known = pair_by_name(name) is not None or name in LENDS or iterator
    return f"gives a struct {struct}" if struct and not known else ""


def main() -> None:
    found = survey(Btf.from_file(sys.argv[1]) if sys.argv[1:] else Btf.running())
    refused = sum(map(len, found.refused.values()))
    print(f"{len(found.callable) + refused} kfuncs, {len(found.callable)} of them callable:")
    print(f"  {' '.join(found.callable)}")
    for reason, names in sorted(found.refused.items(), key=lambda each: -len(each[1])):
        print(f"{len(names)} refused: {reason}\n  {' '.join(names)}")


if __name__ == "__main__":
    main()
