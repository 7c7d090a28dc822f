"""Structs of operations, `@struct_ops`. Codes E0660 to E0666."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class UnknownOperations(Diagnostic):
    code: ClassVar = "E0660"
    title: ClassVar = "this kernel takes no operations of a struct `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The kernel says itself which structs of operations it takes from programs: `tcp_congestion_ops` since 5.6, others
    later, and as it was configured.
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class UnknownOperation(Diagnostic):
    code: ClassVar = "E0661"
    title: ClassVar = "struct {struct} has no {what} `{name}` that a program could give"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The methods of a class of operations are the members of the kernel's struct that point to functions. What else
    stands in the class is a value of another member. Some members can't be given by programs.

        @struct_ops("tcp_congestion_ops")
        class Plain:
            name = "plain"
            def ssthresh(self, sk): ...
    """

    struct: str
    what: str
    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class OperationMissing(Diagnostic):
    code: ClassVar = "E0662"
    title: ClassVar = "`{name}` lacks {what}, without which the kernel refuses a struct {struct}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Congestion control must have a name and say when to slow down (`ssthresh`), how to go faster (`cong_avoid` or
    `cong_control`), and how to take a reduction back (`undo_cwnd`).
    """

    name: str
    what: str
    struct: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class OperationParameters(Diagnostic):
    code: ClassVar = "E0663"
    title: ClassVar = "`{name}` takes {expected} besides self, not {found}"
    notes: ClassVar = ("it is: {prototype}",)
    explanation: ClassVar = """
    The parameters of an operation are its arguments in the order of the kernel, and all of them: the kernel has no
    names for them. `self` in front is for Python alone and may be left out. They have no defaults.
    """

    name: str
    expected: str
    found: str
    prototype: str


@final
@dataclass(frozen=True, slots=True)
class OperationValue(Diagnostic):
    code: ClassVar = "E0664"
    title: ClassVar = "member `{name}` of struct {struct} is {expected}, not {found}"
    explanation: ClassVar = """
    Values in a class of operations go into members of the kernel's struct, which are numbers, or text with a NUL
    behind it.
    """

    name: str
    struct: str
    expected: str
    found: str


@final
@dataclass(frozen=True, slots=True)
class SelfUsed(Diagnostic):
    code: ClassVar = "E0665"
    title: ClassVar = "`self` stands for nothing in the kernel"
    help: ClassVar = "a map or a Global at module level keeps what operations share; what they both do is a @function"
    explanation: ClassVar = """
    A class of operations has no objects: its methods are programs, which the kernel calls. `self` may be their first
    parameter, and that is all.
    """


@final
@dataclass(frozen=True, slots=True)
class OperationResult(Diagnostic):
    code: ClassVar = "E0666"
    title: ClassVar = "`{name}` can't be an operation: its result isn't a number of at most four bytes"
    notes: ClassVar = ("it is: {prototype}",)
    explanation: ClassVar = """
    Operations give numbers of up to four bytes, or nothing. Addresses of the kernel's structs can't be given back.
    """

    name: str
    prototype: str
