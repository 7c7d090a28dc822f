"""Random pairs of C files: types as a kernel might have them, and a program that knows earlier or later ones.

The program's types are those of the kernel with members dropped, moved, renamed, of other types, in nameless structs
and under other flavours of their names. It loads and stores every field, and asks everything that can be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

INTEGERS = (
    *("char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int"),
    *("long long", "unsigned long long", "_Bool"),
)
WIDTHS = {"unsigned char": 8, "unsigned short": 16, "int": 32, "unsigned int": 32, "unsigned long long": 64}
OTHERS = ("void *", "struct elsewhere *", "int (*)(int, void *)", "double", "enum colour", "enum large")


@dataclass(frozen=True)
class Member:
    """A member: of a C type, or of a struct; `lengths` where it is an array, `width` where it is a bit field."""

    name: str
    type: str = ""
    inner: Struct | None = None
    lengths: tuple[int, ...] = ()
    width: int = 0


@dataclass(frozen=True)
class Struct:
    members: tuple[Member, ...]
    union: bool = False
    name: str = ""

    @property
    def word(self) -> str:
        return "union" if self.union else "struct"


@dataclass
class Pair:
    """`kernel` and `program` are C; both have these as their types."""

    kernel: str
    program: str


@dataclass
class Maker:
    """Makes one pair."""

    random: Random
    count: int = field(default=0)

    def pair(self) -> Pair:
        structs = [self.struct(f"s{number}", 3) for number in range(self.random.randint(1, 3))]
        kernel = []
        for each in structs:
            kernel.append(each)
            if self.random.random() < 0.15:
                kernel.append(replace(self.changed(each, 0.1), name=f"{each.name}___other"))
        program = []
        for each in structs:
            flavour = self.random.choice(("", "___mine", "___a___b"))
            program.append(replace(self.changed(each, self.random.choice((0, 0.1, 0.3))), name=each.name + flavour))
            if self.random.random() < 0.2:
                program.append(replace(self.changed(each, 0.3), name=f"{each.name}___second"))
        enums = [self.enums(False), self.enums(True)]
        return Pair(kernel_file(kernel, enums[0]), program_file(program, enums[1], self.random))

    def struct(self, name: str, depth: int) -> Struct:
        members = tuple(self.member(depth) for _ in range(self.random.randint(1, 5)))
        return Struct(members, self.random.random() < 0.2, name)

    def member(self, depth: int) -> Member:
        self.count += 1
        name, what = f"f{self.count}", self.random.random()
        if what < 0.4:
            return Member(name, self.random.choice(INTEGERS))
        if what < 0.55:
            type = self.random.choice(list(WIDTHS))
            return Member(name, type, width=self.random.randint(1, WIDTHS[type]))
        if what < 0.67:
            lengths = tuple(self.random.randint(1, 4) for _ in range(self.random.choice((1, 1, 2))))
            # clang begins anew at elements that are structs, so these need names
            inner = self.struct(f"in_{name}", depth - 1) if depth > 1 and self.random.random() < 0.4 else None
            return Member(name, self.random.choice(INTEGERS), inner, lengths)
        if what < 0.85 and depth > 1:
            return Member(self.random.choice((name, "")), inner=self.struct("", depth - 1))
        return Member(name, self.random.choice(OTHERS))

    def changed(self, struct: Struct, much: float) -> Struct:
        members = []
        for member in struct.members:
            chance = self.random.random()
            if chance < much:
                members += self.other(member)
                continue
            if member.inner is not None:
                member = replace(member, inner=self.changed(member.inner, much))
            members.append(member)
        if self.random.random() < much:
            self.random.shuffle(members)
        return replace(struct, members=tuple(members or [self.member(1)]))

    def other(self, member: Member) -> list[Member]:
        """Instead of `member`."""
        match self.random.randint(0, 6):
            case 0:
                return []
            case 1:
                return [replace(self.member(1), name=member.name or "renamed")]
            case 2:
                return [Member("", inner=Struct((member, self.member(1)), self.random.random() < 0.5))]
            case 3 if member.lengths:
                return [replace(member, lengths=tuple(length + 1 for length in member.lengths))]
            case 4 if member.inner is None:
                return [Member(member.name, self.random.choice(INTEGERS), lengths=member.lengths)]
            case 5 if member.inner is None and not member.lengths:
                return [Member(member.name, "unsigned long long", width=self.random.randint(1, 60))]
            case _:
                return [self.member(1), member]

    def enums(self, mine: bool) -> str:
        """Definitions of two enumerations, of 32 and of 64 bits."""
        suffix = self.random.choice(("", "___mine")) if mine else ""
        names = [name for name in ("RED", "GREEN", "BLUE", "GREY") if self.random.random() < 0.8] or ["RED"]
        values = ", ".join(f"{name}{suffix} = {self.random.choice((-5, 0, 3, 70000))}" for name in names)
        wide = ", ".join(f"{name}_64{suffix} = {self.random.choice((1 << 40, 7, 1 << 63))}ull" for name in names)
        return f"enum colour {{ {values} }};\nenum large {{ {wide}, LAST_64 = 0x123456789abull }};\n"


def declaration(member: Member) -> str:
    if member.inner is not None:
        text = f"{definition(member.inner)} {member.name}"
    elif "(*)" in member.type:
        text = member.type.replace("(*)", f"(*{member.name})")
    else:
        text = f"{member.type} {member.name}"
    text += "".join(f"[{length}]" for length in member.lengths)
    return text + (f" : {member.width};" if member.width else ";")


def definition(struct: Struct) -> str:
    members = " ".join(declaration(member) for member in struct.members)
    return f"{struct.word} {struct.name} {{ {members} }} __attribute__((preserve_access_index))"


def with_flavours(struct: Struct, flavour: str) -> Struct:
    """With names for the structs in arrays that no other struct of the file has."""
    members = tuple(
        member if member.inner is None else replace(member, inner=with_flavours(member.inner, flavour))
        for member in struct.members
    )
    name = struct.name + flavour if struct.name.startswith("in_") else struct.name
    return replace(struct, members=members, name=name)


def kernel_file(structs: list[Struct], enums: str) -> str:
    text = f"struct elsewhere {{ int a; }};\n{enums}"
    for number, struct in enumerate(structs):
        struct = with_flavours(struct, f"___{number}" if number else "")
        text += f"{definition(struct)};\n{struct.word} {struct.name} have_{struct.name};\n"
    text += "typedef unsigned long long number; number have_number; enum colour have_colour; enum large have_large;\n"
    return text + "struct elsewhere have_elsewhere;\n"


def fields(struct: Struct) -> Iterator[tuple[str, Member]]:
    """What can be reached from a struct, as C writes it, and the member that it ends at."""
    for member in struct.members:
        if not member.name:
            assert member.inner is not None
            yield from fields(member.inner)
            continue
        element = "".join(f"[{length - 1}]" for length in member.lengths)
        if member.lengths:
            yield member.name, member
        yield member.name + element, replace(member, lengths=())
        if member.inner is not None:
            for name, inner in fields(member.inner):
                yield f"{member.name}{element}.{name}", inner


def program_file(structs: list[Struct], enums: str, random: Random) -> str:
    text = enums
    for number, struct in enumerate(structs):
        struct = with_flavours(struct, f"___{number}")
        text += f"{definition(struct)};\n"
        text += f'SEC("raw_tracepoint/x") long p{number}({struct.word} {struct.name} *s) {{\n  long sum = 0;\n'
        text += "".join(statements(struct, random))
        kind = f"*({struct.word} {struct.name} *)0"
        text += "".join(f"  sum += __builtin_preserve_type_info({kind}, {which});\n" for which in range(3))
        text += "".join(f"  sum += __builtin_btf_type_id({kind}, {which});\n" for which in range(2))
        text += "  return sum;\n}\n"
    text += 'SEC("raw_tracepoint/x") long values(void *ctx) {\n  long sum = 0;\n'
    for line in enums.strip().splitlines():
        kind, rest = line.removeprefix("enum ").split(" ", 1)
        for part in rest.strip("{ };").split(", "):
            value = f"*(enum {kind} *){part.split()[0]}"
            text += f"  sum += __builtin_preserve_enum_value({value}, 0) + __builtin_preserve_enum_value({value}, 1);\n"
    return text + "  return sum;\n}\n"


def statements(struct: Struct, random: Random) -> Iterator[str]:
    for name, member in fields(struct):
        if not member.width and member.inner is None and not member.lengths:
            if random.random() < 0.5 and member.type != "double":
                yield f"  sum += (long)s->{name};\n" if "(*)" not in member.type else f"  sum += !!s->{name};\n"
            if random.random() < 0.2 and "*" not in member.type and member.type != "double":
                yield f"  s->{name} = {random.choice(('1', 'sum'))};\n"
        array = name.endswith("]")
        for what in (0, 1) if array else range(6):
            if what in (3, 4, 5) and (member.inner or member.lengths or "*" in member.type or member.type == "double"):
                continue
            if random.random() < 0.4:
                yield f"  sum += __builtin_preserve_field_info(s->{name}, {what});\n"
