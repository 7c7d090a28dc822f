"""Debug information, from which LLVM makes BTF: types of maps and variables, functions, lines with their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias, final

from pyebpf import layout
from pyebpf.codegen.text import quote
from pyebpf.ir.module import (
    BarePointer,
    BitField,
    Embedded,
    FunctionPointer,
    IntegerPointer,
    KernelEnum,
    KernelMember,
    KernelStruct,
    KfuncType,
    MapRef,
    MemberArray,
    MemberType,
    OperationMember,
    StructPointer,
)
from pyebpf.kernel.maps import MapType
from pyebpf.source import Source, Span

# The kernel's BTF wants C identifiers for names; columns share 32 bits with the line, ten of them.
Function: TypeAlias = tuple[str, list[str]]
Parameter: TypeAlias = tuple[str, str]
PlacedMember: TypeAlias = tuple[OperationMember, int]
"""And where it lies, in bytes."""
_MAX_COLUMN: Final = 1023
_BASE_TYPES: Final = {
    ("int", 1, False): ("unsigned char", "DW_ATE_unsigned_char"),
    ("int", 2, False): ("unsigned short", "DW_ATE_unsigned"),
    ("int", 4, False): ("unsigned int", "DW_ATE_unsigned"),
    ("int", 8, False): ("unsigned long long", "DW_ATE_unsigned"),
    ("int", 1, True): ("signed char", "DW_ATE_signed_char"),
    ("int", 2, True): ("short", "DW_ATE_signed"),
    ("int", 4, True): ("int", "DW_ATE_signed"),
    ("int", 8, True): ("long long", "DW_ATE_signed"),
}


def c_name(name: str) -> str:
    """`name` as an identifier that BTF takes."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_" for letter in name)


MapPart: TypeAlias = tuple[str, str]
"""What libbpf calls it, and the node that says it."""


@final
class DebugInfo:
    """Metadata nodes: equal ones once, numbered in the order in which they are asked for."""

    def __init__(self, source: Source, kernel_structs: Sequence[KernelStruct], *, big_endian: bool) -> None:
        self._nodes: list[str] = []
        self._numbers: dict[str, int] = {}
        self._files: dict[Source, str] = {}
        self._kernel: dict[str, str] = {}
        self._structs = {struct.name: struct for struct in kernel_structs}
        self._big_endian = big_endian
        self._globals: list[str] = []
        self._unit = self._reserve()
        self._unit_file = self.file(source)

    def node(self, text: str) -> str:
        """The reference (`!7`) of the node `text`."""
        if text not in self._numbers:
            self._numbers[text] = len(self._nodes)
            self._nodes.append(text)
        return f"!{self._numbers[text]}"

    def _reserve(self) -> str:
        self._nodes.append("")
        return f"!{len(self._nodes) - 1}"

    def _fill(self, reference: str, text: str) -> None:
        self._nodes[int(reference[1:])] = text

    def tuple(self, items: list[str]) -> str:
        return self.node("!{" + ", ".join(items) + "}")

    # Source

    def file(self, source: Source) -> str:
        """The file with its whole text, from which the line records are filled."""
        if source not in self._files:
            self._files[source] = self.node(
                f'!DIFile(filename: {quote(source.path)}, directory: "", source: {quote(source.text)})'
            )
        return self._files[source]

    def function(
        self, name: str, parameters: Sequence[Parameter], span: Span, *, local: bool, context: str = ""
    ) -> Function:
        """The function's node, and those of its parameters (without which the kernel refuses the BTF), names and LLVM's
        types. `local`: it is a function of the module's own, not a program. `context`: the struct that its parameter is
        the address of, by whose name the kernel knows a program's context."""
        file = self.file(span.source)
        pointer = self.pointer(self._struct_of_context(context) if context else "null")
        types = [pointer if kind == "ptr" else self.integer(layout.U64) for _, kind in parameters]
        result = self.integer(layout.I64 if local else layout.I32)
        type = self.node(f"!DISubroutineType(types: {self.tuple([result, *types])})")
        function = self._reserve()
        variables = [
            self.node(
                f"!DILocalVariable(name: {quote(c_name(parameter))}, arg: {number}, scope: {function}, file: {file}, "
                f"line: {span.line}, type: {kind})"
            )
            for number, ((parameter, _), kind) in enumerate(zip(parameters, types, strict=True), 1)
        ]
        flags = "DISPFlagLocalToUnit | " if local else ""
        self._fill(
            function,
            f"distinct !DISubprogram(name: {quote(c_name(name))}, scope: {file}, file: {file}, line: {span.line}, "
            f"type: {type}, scopeLine: {span.line}, flags: DIFlagPrototyped, "
            f"spFlags: {flags}DISPFlagDefinition | DISPFlagOptimized, unit: {self._unit}, "
            f"retainedNodes: {self.tuple(variables)})",
        )
        return function, variables

    def _struct_of_context(self, name: str) -> str:
        """The kernel looks at nothing but the name."""
        return self.node(
            f"!DICompositeType(tag: DW_TAG_structure_type, name: {quote(name)}, size: 0, elements: {self.tuple([])})"
        )

    def extern(
        self,
        name: str,
        result: KfuncType | None,
        parameters: Sequence[KfuncType],
    ) -> str:
        """The node of a function of the kernel that is called by name."""
        types = ["null" if type is None else self._extern_type(type) for type in (result, *parameters)]
        type = self.node(f"!DISubroutineType(types: {self.tuple(types)})")
        return self.node(
            f"!DISubprogram(name: {quote(name)}, scope: {self._unit_file}, file: {self._unit_file}, line: 1, "
            f"type: {type}, flags: DIFlagPrototyped, spFlags: DISPFlagOptimized)"
        )

    def _extern_type(self, type: KfuncType) -> str:
        if isinstance(type, IntegerPointer):
            return self.pointer(self.integer(type.type))
        if isinstance(type, FunctionPointer):
            number, anything = self.integer(layout.I32), self.pointer("null")
            types = self.tuple([number, anything, self.pointer(number), anything])
            return self.pointer(self.node(f"!DISubroutineType(types: {types})"))
        if isinstance(type, StructPointer):
            return self.pointer(self.kernel_struct(type.struct) if type.struct else "null")
        return self.type(type)

    def location(self, span: Span, function: str, home: Source) -> str:
        """Where the ops of `span` stand; `home` is the file of the function itself."""
        scope = function
        if span.source is not home:
            scope = self.node(
                f"!DILexicalBlockFile(scope: {function}, file: {self.file(span.source)}, discriminator: 0)"
            )
        column = min(span.column + 1, _MAX_COLUMN)
        return self.node(f"!DILocation(line: {span.line}, column: {column}, scope: {scope})")

    # Types

    def integer(self, type: layout.Integer) -> str:
        name, encoding = _BASE_TYPES["int", type.size, type.signed]
        return self.node(f"!DIBasicType(name: {quote(name)}, size: {type.size * 8}, encoding: {encoding})")

    def pointer(self, target: str) -> str:
        return self.node(f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {target}, size: 64)")

    def constant(self, target: str) -> str:
        return self.node(f"!DIDerivedType(tag: DW_TAG_const_type, baseType: {target})")

    def array(self, element: str, length: int, size: int) -> str:
        """`length` elements, `size` bytes in all."""
        elements = self.tuple([self.node(f"!DISubrange(count: {length})")])
        return self.node(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {element}, size: {size * 8}, elements: {elements})"
        )

    def type(self, type: layout.Type) -> str:
        """The C type that lies in memory as `type` does."""
        match type:
            case layout.Integer():
                return self.integer(type)
            case layout.Boolean():
                return self.node('!DIBasicType(name: "_Bool", size: 8, encoding: DW_ATE_boolean)')
            case layout.Text():
                char = self.node('!DIBasicType(name: "char", size: 8, encoding: DW_ATE_signed_char)')
                return self.array(char, type.length, type.length)
            case layout.Array():
                return self.array(self.type(type.element), type.length, type.size)
            case layout.Address():
                return self.array(self.integer(layout.U8), type.size, type.size)
            case layout.Enumeration():
                return self._enumeration(type)
            case layout.Struct() if layout.kept_struct(type):
                return self._kept(layout.kept_struct(type))
            case layout.Struct():
                return self._struct(type)

    def _kept(self, struct: str) -> str:
        """A pointer with the tag by which the kernel knows that it keeps what it points to; a whole struct, though
        nobody asks what is in it."""
        nothing = self.tuple([])
        whole = f"!DICompositeType(tag: DW_TAG_structure_type, name: {quote(struct)}, size: 64, elements: {nothing})"
        target = self.kernel_struct(struct) if struct in self._structs else self.node(whole)
        tag = self.tuple([self.tuple(['!"btf_type_tag"', '!"kptr"'])])
        return self.node(f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {target}, size: 64, annotations: {tag})")

    def _enumeration(self, type: layout.Enumeration) -> str:
        unsigned = "" if type.base.signed else ", isUnsigned: true"
        members = [
            self.node(f"!DIEnumerator(name: {quote(c_name(name))}, value: {value}{unsigned})")
            for name, value in type.members
        ]
        return self.node(
            f"!DICompositeType(tag: DW_TAG_enumeration_type, name: {quote(c_name(type.name))}, "
            f"baseType: {self.integer(type.base)}, size: {type.size * 8}, elements: {self.tuple(members)})"
        )

    def _struct(self, type: layout.Struct) -> str:
        tag = "DW_TAG_union_type" if type.is_union else "DW_TAG_structure_type"
        members = []
        covered = -1
        for field in sorted(type.fields, key=self._place) if self._big_endian else type.fields:
            if field.bits and self._splits(field.type):
                # A field inside a number in network order has no place that C could name: show the number itself.
                if field.offset != covered:
                    whole = self.type(field.type)
                    members.append(self._member(field.name, whole, field.type.size * 8, field.offset * 8))
                covered = field.offset
                continue
            size, offset, flags = field.type.size * 8, self._place(field), ""
            if field.bits:
                flags = f", flags: DIFlagBitField, extraData: i64 {field.offset * 8}"
                size = field.bits
            members.append(self._member(field.name, self.type(field.type), size, offset, flags))
        return self.node(
            f"!DICompositeType(tag: {tag}, name: {quote(c_name(type.name))}, "
            f"size: {type.size * 8}, elements: {self.tuple(members)})"
        )

    def _place(self, field: layout.Field) -> int:
        """Where debug information has a field, in bits, by which the kernel wants members in order: on big-endian
        machines bits count from the most significant one."""
        if not field.bits or not self._big_endian:
            return field.offset * 8 + field.bit_offset
        return (field.offset + field.type.size) * 8 - field.bits - field.bit_offset

    def _splits(self, type: layout.Type) -> bool:
        return isinstance(type, layout.Integer) and type.big_endian and type.size > 1 and not self._big_endian

    def _member(self, name: str, type: str, size: int, offset: int, rest: str = "") -> str:
        return self.node(
            f"!DIDerivedType(tag: DW_TAG_member, name: {quote(c_name(name))}, baseType: {type}, "
            f"size: {size}, offset: {offset}{rest})"
        )

    # Kernel structs

    def kernel_struct(self, name: str) -> str:
        """A kernel struct cut down to its used members; CO-RE finds the real ones by name."""
        if name in self._kernel:
            return self._kernel[name]
        struct = self._structs.get(name)
        if struct is None:
            self._kernel[name] = self.node(
                f"!DICompositeType(tag: DW_TAG_structure_type, name: {quote(name)}, flags: DIFlagFwdDecl)"
            )
            return self._kernel[name]
        self._kernel[name] = reference = self._reserve()  # before its members, which may point back
        members = [self._kernel_member(member) for member in struct.members]
        tag = "DW_TAG_union_type" if struct.is_union else "DW_TAG_structure_type"
        named = f"name: {quote(struct.shown)}, " if struct.shown else ""
        self._fill(
            reference,
            f"distinct !DICompositeType(tag: {tag}, {named}size: {struct.size * 8}, elements: {self.tuple(members)})",
        )
        return reference

    def _kernel_member(self, member: KernelMember) -> str:
        type = member.type
        if not isinstance(type, BitField):
            size = self.kernel_size(type) * 8
            return self._member(member.name, self.kernel_type(type), size, member.offset * 8)
        offset = member.offset * 8
        flags = f", flags: DIFlagBitField, extraData: i64 {offset}"
        return self._member(member.name, self.kernel_type(type), type.bits, offset + type.bit_offset, flags)

    def kernel_type(self, type: MemberType) -> str:
        """The type of a member."""
        match type:
            case layout.Integer() | layout.Boolean():
                return self.type(type)
            case layout.Enumeration():
                return self._enumeration(type)
            case BitField():
                return self.kernel_type(type.unit)
            case StructPointer():
                return self.pointer(self.kernel_struct(type.struct))
            case BarePointer():
                return self.pointer("null")
            case Embedded():
                return self.kernel_struct(type.struct)
            case MemberArray():
                return self.array(self.kernel_type(type.element), type.length, self.kernel_size(type))

    def operations(self, name: str, fields: Sequence[PlacedMember], size: int) -> str:
        """A struct of operations, by its members and where each lies. What functions take, loaders don't ask."""
        function = self.pointer(self.node(f"!DISubroutineType(types: {self.tuple(['null'])})"))
        members = []
        for member, at in fields:
            type: layout.Type = layout.Text(member.size)
            if not member.text and not member.program:
                type = layout.Integer("", member.size, False)
            node = function if member.program else self.type(type)
            members.append(self._member(member.name, node, member.size * 8, at * 8))
        return self.node(
            f"!DICompositeType(tag: DW_TAG_structure_type, name: {quote(name)}, size: {size * 8}, "
            f"elements: {self.tuple(members)})"
        )

    def kernel_enum(self, enum: KernelEnum) -> str:
        """An enum of the kernel's, cut down to the enumerators that are asked for."""
        signed = any(value < 0 for _, value in enum.members)
        base = layout.Integer("", enum.size, signed)
        return self._enumeration(layout.Enumeration(enum.name, base, enum.members))

    def kernel_size(self, type: MemberType) -> int:
        """Bytes of a member."""
        match type:
            case layout.Integer() | layout.Boolean() | layout.Enumeration():
                return type.size
            case BitField():
                return type.unit.size
            case StructPointer() | BarePointer():
                return 8
            case Embedded():
                return self._structs[type.struct].size
            case MemberArray():
                return self.kernel_size(type.element) * type.length

    # Globals

    def variable(self, name: str, type: str, line: int) -> str:
        """The `!dbg` attachment of a global variable, which makes its section part of the BTF."""
        variable = self.node(
            f"distinct !DIGlobalVariable(name: {quote(c_name(name))}, scope: {self._unit}, file: {self._unit_file}, "
            f"line: {line}, type: {type}, isLocal: false, isDefinition: true)"
        )
        expression = self.node(f"!DIGlobalVariableExpression(var: {variable}, expr: !DIExpression())")
        self._globals.append(expression)
        return f", !dbg {expression}"

    def declaration(self, name: str, type: str) -> str:
        """The same of a variable that is only declared."""
        variable = self.node(
            f"!DIGlobalVariable(name: {quote(c_name(name))}, scope: {self._unit}, file: {self._unit_file}, "
            f"line: 0, type: {type}, isLocal: false, isDefinition: false)"
        )
        return f", !dbg {self.node(f'!DIGlobalVariableExpression(var: {variable}, expr: !DIExpression())')}"

    def map_parts(self, map: MapRef) -> list[MapPart]:
        """What libbpf is told of a map: numbers as lengths of arrays, and types."""
        numbers = {
            "type": map.type,
            "max_entries": map.max_entries,  # storage has none
            "map_flags": map.flags,
            "numa_node": map.numa_node,
            "pinning": int(map.pinned),
        }
        number = self.integer(layout.I32)
        parts = [(name, self.array(number, value, value * 4)) for name, value in numbers.items() if value]
        if map.type in (MapType.RINGBUF, MapType.USER_RINGBUF):  # rings have neither; the kernel refuses their sizes
            return parts
        types = (("key", map.key), ("value", map.value))
        if map.type == MapType.PERF_EVENT_ARRAY:  # what it has are descriptors, by CPU
            types = (("key", layout.U32), ("value", layout.U32))
        return parts + [(name, self.type(type)) for name, type in types if type]

    def map(self, map: MapRef) -> str:
        """The struct by which libbpf knows a map: pointers to its parts."""
        parts = self.map_parts(map)
        members = [self._member(name, self.pointer(type), 64, 64 * index) for index, (name, type) in enumerate(parts)]
        target = self._slot_type(map)
        if target:  # an array without a length, and the last member: so libbpf wants it
            members.append(self._member("values", self.array(self.pointer(target), 0, 0), 0, 64 * len(parts)))
        return self.node(
            f"!DICompositeType(tag: DW_TAG_structure_type, size: {64 * len(parts)}, elements: {self.tuple(members)})"
        )

    def _slot_type(self, map: MapRef) -> str:
        """What the slots of an array of programs, or a map of maps, point to; "" if it needs no saying."""
        if map.inner is not None:
            return self.map(map.inner)
        types = self.tuple([self.integer(layout.I32), self.pointer("null")])
        return self.node(f"!DISubroutineType(types: {types})") if map.values else ""

    def lines(self) -> list[str]:
        """All of it, for the end of the module."""
        flags = [self.node('!{i32 7, !"Dwarf Version", i32 5}'), self.node('!{i32 2, !"Debug Info Version", i32 3}')]
        self._fill(
            self._unit,
            f'distinct !DICompileUnit(language: DW_LANG_C99, file: {self._unit_file}, producer: "pyebpf", '
            f"isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, globals: {self.tuple(self._globals)})",
        )
        return [
            f"!llvm.dbg.cu = !{{{self._unit}}}",
            f"!llvm.module.flags = !{{{', '.join(flags)}}}",
            *(f"!{number} = {text}" for number, text in enumerate(self._nodes)),
        ]
