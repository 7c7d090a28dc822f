"""What verifiers complain of, in plain words, and what to do. A row for each complaint; the first that fits counts.

Source: verbose() in kernel/bpf/verifier.c, 5.10 to 7.3. To teach pyebpf another one, add a row, and a program with that
mistake to the tests.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, final

from pyebpf.records import dataclass

Trace: TypeAlias = Literal[
    "", "source", "bound", "operand", "moved", "packet", "number", "taken", "locked", "packet-or-number"
]
"""What led to it: what set the register; what bounded it, or its instruction's other register; what was added to it;
the test of the packet's end; what made it a number; the reference that wasn't given back; the lock."""


@final
@dataclass(frozen=True, slots=True)
class Complaint:
    """`pattern` is looked for in the verifier's last words, several lines of them joined by newlines. Its groups, and
    `reg`, are fields of the texts."""

    name: str
    pattern: re.Pattern[str]
    title: str
    label: str
    """What is under the refused line."""
    help: str
    trace: Trace = ""
    where: Literal["last", "insn", "nowhere"] = "last"
    """Which instruction it is about: the last one of the log, or the one that `insn` names."""


def _row(
    name: str,
    pattern: str,
    title: str,
    label: str = "",
    help: str = "",
    trace: Trace = "",
    where: Literal["last", "insn", "nowhere"] = "last",
) -> Complaint:
    return Complaint(name, re.compile(pattern), title, label, help, trace, where)


_BOUND = "test the index before, as unsigned number: `if (i < COUNT)`, or mask it: `i & (COUNT - 1)`"
_SIZE = "bound it on both sides before, by an unsigned variable: `if (size > sizeof(buffer)) return 0;`"

_AT = r"off=(?P<off>-?\d+) size=(?P<size>\d+)"

COMPLAINTS: Final = (
    _row(
        "nullable",
        r"(?P<reg>R\d+) invalid mem access '\w*_or_null\w*'",
        "what may be null is used without a test",
        "{reg} may be null here",
        "test it before: `if (!pointer) return 0;`",
        "source",
    ),
    _row(
        "nullable-arithmetic",
        r"(?P<reg>R\d+) pointer arithmetic on \w*_or_null\w* prohibited",
        "a pointer that may be null is moved before it is tested",
        "{reg} may be null here",
        "test it before its address is computed with: `if (!pointer) return 0;`",
        "source",
    ),
    _row(
        "nullable-argument",
        r"(?:Possibly NULL pointer passed to \w+ arg\s?#?(?P<number>\d+)"
        r"|(?P<reg>R\d+) type=\w*_or_null\w* expected=.*)",
        "what may be null is given to a function that takes no null",
        "it may be null here",
        "test it before: `if (!pointer) return 0;`",
        "source",
    ),
    _row(
        "packet-range",
        r"invalid access to packet, " + _AT + r", (?P<reg>R\d+)\(id=\d+,off=-?\d+,r=(?P<checked>\d+)\)",
        "byte {off} of the packet is accessed, {known_words}",
        "{size_words} at byte {off}",
        "compare with the packet's end before: `if (data + {need} > data_end) return …;`",
        "packet",
    ),
    _row(
        "map-value-range",
        r"invalid access to map value, value_size=(?P<room>\d+) " + _AT + r"(?:\n(?P<reg>R\d+))?",
        "access behind a map's value: {size_words} at byte {off}, of a value of {room} bytes",
        "{size_words} at byte {off} of {room}",
        _BOUND,
        "moved",
    ),
    _row(
        "memory-range",
        r"invalid access to (?:memory|map key), (?:mem|key)_size=(?P<room>\d+) " + _AT + r"(?:\n(?P<reg>R\d+))?",
        "access behind memory: {size_words} at byte {off}, of {room} bytes",
        "{size_words} at byte {off} of {room}",
        "access what is there, or ask for more room",
        "moved",
    ),
    _row(
        "read-only",
        r"write into map forbidden|(?P<reg>R\d+) cannot write into|(?P<reg2>R\d+) invalid mem access 'rdonly"
        r"|only read is supported"
        r"|read into map forbidden",
        "a write to what programs can only read",
        "written here",
        "constants (.rodata), maps made with BPF_F_RDONLY_PROG and the kernel's structs are read only",
        "source",
    ),
    _row(
        "negative-size",
        r"(?P<reg>R\d+) min value is negative, either use unsigned or 'var &= const'",
        "a size that may be negative, or very large",
        "{reg} is the size here",
        _SIZE,
        "bound",
    ),
    _row(
        "unbounded-size",
        r"(?P<reg>R\d+) unbounded memory access, use 'var &= const'",
        "a size that may be any number",
        "{reg} is the size here",
        _SIZE,
        "bound",
    ),
    _row(
        "zero-size",
        r"(?P<reg>R\d+) invalid zero-sized read",
        "a size that may be 0, for a helper that wants at least a byte",
        "{reg} is the size here",
        "test it before: `if (!size) return 0;`",
        "bound",
    ),
    _row(
        "negative",
        r"(?P<reg>R\d+) min value is negative, either use unsigned index",
        "an index that may be negative",
        "{reg} may be negative here",
        "make it unsigned, or test that too: `if (i < 0 || i >= COUNT) return 0;`",
        "moved",
    ),
    _row(
        "unbounded",
        r"(?P<reg>R\d+) unbounded memory access|math between (?P<kind>map_value|\w*mem|\w*buf|fp"
        r"|ctx) pointer and register with unbounded",
        "an index or offset without bounds",
        "the offset here is not bounded on both sides",
        _BOUND,
        "moved",
    ),
    _row(
        "packet-offset",
        r"math between (?P<kind>pkt\w*) pointer and register with unbounded"
        r"|makes (?P<kind2>pkt\w*) pointer be out of bounds",
        "an offset into the packet that may be very large",
        "added to the packet's address here",
        "bound the offset before it is added, below 65,536: `if (offset > 1500) return …;`",
        "operand",
    ),
    _row(
        "offset",
        r"math between (?P<kind>\w+) pointer|makes (?P<kind2>\w+) pointer be out of bounds"
        r"|pointer offset -?\d+ is not allowed",
        "a pointer is moved by a number that may be very large",
        "added here",
        _BOUND,
        "operand",
    ),
    _row(
        "scalar",
        r"(?P<reg>R\d+) invalid mem access '(?P<mem>inv|scalar)'",
        "a number is used as an address",
        "{reg} is a number for the verifier, no pointer",
        "the kernel's memory is read by bpf_probe_read_kernel() or BPF_CORE_READ(), a process's by "
        "bpf_probe_read_user()",
        "packet-or-number",
    ),
    _row(
        "context-moved",
        r"variable ctx access var_off=|dereference of modified ctx ptr (?P<reg>R\d+)",
        "the context is accessed at an offset that isn't constant",
        "",
        "use the fields by their names; of an array in it, `switch` over the index, or bpf_probe_read_kernel() a copy",
        "moved",
    ),
    _row(
        "context",
        r"invalid bpf_context access " + _AT,
        "programs of this type have no such access to the context: {size_words} at byte {off}",
        "{size_words} at byte {off} of the context",
        "each program type has its own context, of which some fields are there, and fewer can be written",
    ),
    _row(
        "stack-range",
        r"invalid (?:\w+ )*(?:to|from) stack (?P<reg>R\d+)? ?" + _AT,
        "access outside of the stack's 512 bytes: {size_words} at {off}",
        "",
        "larger data goes into a map: an array per CPU with one entry is the usual scratch space",
    ),
    _row(
        "stack-unwritten",
        r"invalid (?:indirect |\w+ )*(?:read|access) (?:from"
        r"|to) stack (?:(?P<reg>R\d+) )?off (?P<off>-?\d+)\+(?P<at>-?\d+) size (?P<size>\d+)",
        "stack is read that nothing was written to: byte {at} of {size}",
        "read here",
        "set all of it before, the padding between fields too: `struct key key = {{}};` or __builtin_memset()",
    ),
    _row(
        "stack-size",
        r"combined stack size of (?P<calls>\d+) calls is (?P<size>\d+)",
        "the stack is too small: {calls} functions that call each other need {size} bytes together, of 512",
        "",
        "put large local variables into a map: an array per CPU with one entry",
        where="nowhere",
    ),
    _row(
        "misaligned",
        r"misaligned (?P<what>[\w ]+) access",
        "{what} memory is accessed at an address that the size doesn't divide",
        "",
        "read single bytes, or place the field where its size divides the offset",
    ),
    _row(
        "unwritten",
        r"(?P<reg>R\d+) !read_ok",
        "{reg} is read, and nothing is in it",
        "{reg} is read here",
        "an uninitialised variable? Calls leave nothing in R1 to R5, and a function must return a value on every way",
        "source",
    ),
    _row(
        "endless",
        r"infinite loop detected at insn (?P<insn>\d+)|back-edge from insn (?P<insn2>\d+)",
        "a loop that doesn't end: nothing that it depends on changes from one turn to the next",
        "",
        "let a counter with a constant bound end it: `for (i = 0; i < 64; i++)`",
        where="insn",
    ),
    _row(
        "unreachable",
        r"unreachable insn (?P<insn>\d+)",
        "instruction {insn} can never be reached: a loop before it doesn't end, or code is left over",
        "",
        "let a counter with a constant bound end the loop: `for (i = 0; i < 64; i++)`",
        where="insn",
    ),
    _row(
        "too-much",
        r"BPF program is too large\. Processed (?P<steps>\d+) insn",
        "the verifier gave up after 1,000,000 instructions: too many turns of loops, or too many ways "
        "through the program",
        "where it was then",
        "fewer turns; bpf_loop() (5.17) or bpf_for() (6.4), whose bodies are verified once; or less "
        "branching within them",
    ),
    _row(
        "too-many-jumps",
        r"The sequence of (?P<jumps>\d+) jumps is too complex",
        "too many branches on one way: {jumps} that wait to be verified",
        "where it was then",
        "fewer branches in loops; bpf_loop() (5.17) verifies a loop's body once",
    ),
    _row(
        "leak",
        r"Unreleased reference id=(?P<id>\d+) alloc_insn=(?P<insn>\d+)|would lead to reference leak",
        "what was taken isn't given back on this way",
        "the program ends here, and still has it",
        "bpf_ringbuf_submit() or _discard() what was reserved, and release what was acquired, on every way out",
        "taken",
    ),
    _row(
        "gpl",
        r"cannot call GPL-restricted function|GPL-only|from non-GPL compatible program",
        "a helper that only programs under the GPL may call",
        "called here",
        'a license that is compatible with it: `char LICENSE[] SEC("license") = "GPL";`, or another helper',
    ),
    _row(
        "helper",
        r"unknown func (?:bpf_)?(?P<func>\w+)#(?P<id>\d+)"
        r"|program of this type cannot use helper (?:bpf_)?(?P<func2>\w+)#",
        "this helper can't be called by programs of this type, or this kernel doesn't have it",
        "called here",
        "`pyebpf features` says which helpers there are",
    ),
    _row(
        "kfunc",
        r"calling kernel function (?P<func>\w+) is not allowed",
        "programs of this type can't call {func}()",
        "called here",
        "",
    ),
    _row(
        "global-arguments",
        r"Caller passes invalid args into func#\d+|Arg#\d+ type \w+ in (?P<func>\w+)\(\) is not supported yet",
        "a global function is given what it can't take",
        "called here",
        "global functions are verified on their own: they take numbers, the context, and pointers to structs "
        "that may be "
        "null; make it `static` if that isn't enough",
    ),
    _row(
        "argument",
        r"(?P<reg>R\d+) type=(?P<type>\w+) expected=(?P<expected>[^\n]*)",
        "the wrong kind of argument: {reg} is {type_words}, and must be {expected_words}",
        "{reg} is given here",
        "",
        "source",
    ),
    _row(
        "pointer-argument",
        r"(?P<reg>R\d+) must be (?:referenced|a rcu pointer|a known constant|referenced or trusted)"
        r"|expected pointer to STRUCT (?P<struct>\w+) but (?P<reg2>R\d+) has a pointer to",
        "a pointer that this function doesn't take",
        "{reg} is given here",
        "kfuncs take pointers that the kernel vouches for: a hook's arguments, or what was acquired and is held",
        "source",
    ),
    _row(
        "return",
        r"(?:At|In) [\w ]* the register R0 has (?P<has>[^\n]*?) should have been in (?P<range>[^\n]*)",
        "a return value that isn't allowed here: it must be in {range}",
        "returned here",
        "return one of this hook's values",
        "bound",
    ),
    _row(
        "lock",
        r"bpf_spin_unlock is missing|inside bpf_spin_lock-ed region|bpf_res_spin_unlock is missing",
        "a lock is still held where the program ends",
        "not unlocked on this way",
        "bpf_spin_unlock() on every way out",
        "locked",
    ),
    _row(
        "locked-call",
        r"function calls are not allowed while holding a lock|helper call is not allowed (?:in|while)",
        "a call while a lock is held",
        "called here",
        "call it before the lock is taken, or after bpf_spin_unlock()",
        "locked",
    ),
    _row(
        "rcu",
        r"bpf_rcu_read_unlock is missing|inside bpf_rcu_read_lock-ed region|unmatched rcu read (?:un)?lock"
        r"|bpf_preempt_enable is missing|bpf_local_irq_restore",
        "bpf_rcu_read_lock(), bpf_preempt_disable() or bpf_local_irq_save() isn't undone on this way",
        "not undone here",
        "call its counterpart on every way out",
    ),
    _row(
        "sleep",
        r"might sleep in a? ?non-sleepable|sleepable (?:helper|kfunc|kernel)|is sleepable within"
        r"|not allowed in non-sleepable",
        "a function that may sleep is called where programs can't",
        "called here",
        "sections with `.s` may sleep: `fentry.s/…`, `lsm.s/…`, `uprobe.s/…`, `iter.s/…`, `syscall`",
    ),
    _row(
        "arithmetic",
        r"(?P<reg>R\d+) (?:pointer arithmetic with (?P<op>\S+) operator|32-bit pointer arithmetic"
        r"|pointer [-+]= pointer) prohibited"
        r"|(?P<reg2>R\d+) pointer arithmetic on (?P<kind>\w+) prohibited",
        "arithmetic that can't be done with a pointer: only numbers are added to it, or subtracted",
        "{reg} is a pointer here",
        "",
        "source",
    ),
    _row(
        "struct-range",
        r"access beyond struct (?P<struct>\w+) at off (?P<off>\d+) size (?P<size>\d+)",
        "struct {struct} of this kernel has nothing at byte {off}",
        "{size_words} at byte {off}",
        "CO-RE finds fields by their names: __attribute__((preserve_access_index)) on the struct",
    ),
    _row(
        "dynptr",
        r"Expected an? (?:un)?initialized (?:dynptr|iter\w*|irq flag)[^\n]* as arg #?(?P<number>\d+)",
        "argument {number} isn't in the state that this call wants: not initialised yet, or already given up",
        "called here",
        "",
    ),
    _row(
        "code",
        r"jump out of range from insn|last insn is not an exit or jmp|unknown opcode|invalid BPF_LD_IMM64"
        r"|uses reserved fields",
        "these are no valid instructions: the fault of what compiled it, or of what linked it",
        where="nowhere",
    ),
)


def find(said: str) -> tuple[Complaint, dict[str, str]] | None:
    """The row for the verifier's last words, and the fields of its texts."""
    for row in COMPLAINTS:
        found = row.pattern.search(said)
        if found is not None:
            fields = {name: value for name, value in found.groupdict().items() if value is not None}
            return row, {**{name.rstrip("2"): value for name, value in fields.items() if name.endswith("2")}, **fields}
    return None
