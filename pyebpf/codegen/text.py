"""Writing LLVM's textual IR: names, bytes, and the body of one function, block by block."""

from __future__ import annotations

from typing import Final, final

from pyebpf.diagnostics.base import InternalError
from pyebpf.records import dataclass

_PLAIN: Final = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')


def quote(data: str | bytes) -> str:
    """A string literal of LLVM: every byte that isn't plain ASCII as two hex digits."""
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    return '"' + "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02X}" for byte in raw) + '"'


def symbol(name: str) -> str:
    """A global's name."""
    return f"@{name}" if name.isascii() and name.isidentifier() else f"@{quote(name)}"


@final
@dataclass(frozen=True, slots=True)
class Operand:
    """A value of the LLVM function: `text` of type `type` (`i64`, `i1` or `ptr`).

    `narrow` is what it was extended from, and `stored` the same as it lies in memory, in network
    order: using these directly saves the instructions that only convert to and fro.
    """

    text: str
    type: str
    narrow: tuple[str, int] | None = None
    stored: tuple[str, int] | None = None


@final
class Code:
    """Collects the instructions of one function. `location` is appended to each."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.entry: list[str] = []
        """Stack places and what initialises them: they come before everything else."""
        self.location = ""
        self.open = True
        """Whether the current block still takes instructions."""
        self.block = "start"
        self._names = 0

    def name(self, prefix: str = "v") -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def do(self, text: str) -> None:
        """An instruction without a result."""
        if not self.open:
            raise InternalError(f"code after the end of a block: {text}")
        self.lines.append(f"  {text}{self.location}")

    def value(self, text: str) -> str:
        """An instruction with a result; its name."""
        name = f"%{self.name()}"
        self.do(f"{name} = {text}")
        return name

    def hidden(self, value: str, type: str = "i64") -> str:
        """A register with `value`, of whose origin LLVM knows nothing. The empty assembly costs no instruction."""
        return self.value(f'call {type} asm "", "=r,0"({type} {value})')

    def phi(self, type: str, ways: list[tuple[str, str]]) -> str:
        """What each of the blocks (second) brings (first); must come first in its block."""
        return self.value(f"phi {type} " + ", ".join(f"[ {value}, %{block} ]" for value, block in ways))

    def start(self, label: str) -> None:
        """Begin block `label`; the one before must have ended."""
        if self.open:
            raise InternalError(f"block before {label} has no end")
        self.lines.append(f"{label}:")
        self.open = True
        self.block = label

    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")
        self.open = False

    def branch(self, condition: str, then: str, orelse: str) -> None:
        self.do(f"br i1 {condition}, label %{then}, label %{orelse}")
        self.open = False

    def end(self, text: str) -> None:
        """The instruction that ends the function."""
        self.do(text)
        self.open = False

    def stack(self, name: str, type: str, align: int, initial: str = "") -> str:
        """A place on the stack, made at the function's entry."""
        place = f"%{self.name(name)}"
        self.entry.append(f"  {place} = alloca {type}, align {align}")
        if initial:
            self.entry.append(f"  store {type} {initial}, ptr {place}, align {align}")
        return place

    def body(self) -> list[str]:
        return ["start:", *self.entry, *self.lines]


def constant(value: int) -> str:
    """A 64-bit constant, as the signed number that LLVM prints."""
    value &= (1 << 64) - 1
    return str(value - (1 << 64) if value >> 63 else value)


def literal(value: int, bits: int) -> str:
    """The low `bits` of `value` as a constant of that many bits."""
    value &= (1 << bits) - 1
    return str(value - (1 << bits) if value >> (bits - 1) else value)


def as_integer(code: Code, operand: Operand) -> str:
    """`operand` as i64."""
    match operand.type:
        case "i64":
            return operand.text
        case "i1":
            if operand.text in ("true", "false"):
                return "1" if operand.text == "true" else "0"
            return code.value(f"zext i1 {operand.text} to i64")
        case _:
            return code.value(f"ptrtoint ptr {operand.text} to i64")


def as_pointer(code: Code, operand: Operand) -> str:
    """`operand` as ptr."""
    return operand.text if operand.type == "ptr" else code.value(f"inttoptr i64 {as_integer(code, operand)} to ptr")


def low_bits(code: Code, operand: Operand, bits: int) -> str:
    """The low `bits` of `operand`, as an integer of that size."""
    if operand.narrow and operand.narrow[1] == bits:
        return operand.narrow[0]
    if operand.type == "i1":
        if operand.text in ("true", "false"):
            return "1" if operand.text == "true" else "0"
        return code.value(f"zext i1 {operand.text} to i{bits}")
    value = as_integer(code, operand)
    if bits == 64:
        return value
    if value.lstrip("-").isdigit():
        return literal(int(value), bits)
    return code.value(f"trunc i64 {value} to i{bits}")
