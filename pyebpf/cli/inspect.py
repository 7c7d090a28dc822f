"""`pyebpf inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pyebpf.cli.capabilities import text, to_json
from pyebpf.cli.main import documented
from pyebpf.cli.options import FILE, json_option
from pyebpf.object.specs import FunctionSpec, MapSpec, Object, ProgramSpec


@click.command("inspect")
@click.argument("object_path", metavar="OBJECT.o", type=FILE)
@click.option("--disassemble", "-d", is_flag=True, help="Show the instructions under their source lines.")
@json_option
def command(object_path: Path, disassemble: bool, as_json: bool) -> None:
    """Show the programs, maps, BTF and relocations of any BPF object."""
    from pyebpf.object.read import read_file

    with documented(as_json):
        obj = read_file(object_path)
    found = describe(obj)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    _show(str(object_path), found)
    if disassemble:
        from pyebpf.object.disassemble import disassemble as text

        click.echo()
        click.echo(text(obj))


def describe(obj: Object) -> dict[str, Any]:
    """What is in an object, as plain data."""
    from pyebpf.effort.needs import needs, program_needs

    return {
        "title": obj.metadata.title,
        "license": obj.license,
        "big_endian": obj.big_endian,
        "btf_bytes": len(obj.btf),
        "capabilities": to_json(needs(obj)),
        "programs": [
            _program(program) | {"capabilities": to_json(program_needs(obj, program))} for program in obj.programs
        ],
        "functions": [_function(function) for function in obj.functions],
        "maps": [_map(spec) for spec in obj.maps],
        "variables": [
            {"name": v.name, "kind": v.kind, "type": str(v.type), "section": v.cell.section, "offset": v.cell.offset}
            for v in obj.metadata.variables
        ],
        "externs": [
            {"name": extern.name, "section": extern.section, "kind": extern.kind, "weak": extern.weak}
            for extern in obj.externs
        ],
        "faults": [
            {"kind": site.kind, "program": site.program, "file": site.file, "line": site.line}
            for site in obj.metadata.fault_sites
        ],
    }


def _function(function: FunctionSpec) -> dict[str, Any]:
    return {
        "name": function.name,
        "section": function.section,
        "instructions": len(function.code) // 8,
        "relocations": [
            {"offset": r.offset, "kind": r.kind, "name": r.name, "addend": r.addend} for r in function.relocations
        ],
        "core_relocations": [
            {"offset": r.offset, "type_id": r.type_id, "access": r.access, "kind": r.kind} for r in function.core
        ],
        "lines": len(function.lines),
    }


def _program(program: ProgramSpec) -> dict[str, Any]:
    return {
        **_function(program.function),
        "hook": program.hook,
        "argument": program.argument,
        "program_type": program.program_type,
    }


def _bytes(size: int) -> str:
    return "1 byte" if size == 1 else f"{size:,} bytes"


def _map(spec: MapSpec) -> dict[str, Any]:
    from pyebpf.kernel.maps import MapType

    known = {int(kind): kind.name.lower() for kind in MapType}
    return {
        "name": spec.name,
        "kind": spec.kind,
        "type": known.get(spec.type, str(spec.type)),
        "key": str(spec.key) if spec.key else _bytes(spec.key_size) if spec.key_size else None,
        "value": str(spec.value) if spec.value else _bytes(spec.value_size) if spec.value_size else None,
        "key_size": spec.key_size,
        "value_size": spec.value_size,
        "max_entries": spec.max_entries,
        "flags": spec.flags,
    }


def _show(path: str, found: dict[str, Any]) -> None:
    from pyebpf.cli.terminal import Output, table

    console = Output()
    title = f": {found['title']}" if found["title"] else ""
    endian = "big-endian" if found["big_endian"] else "little-endian"
    console.print(f"{path}{title}")
    console.print(f"{endian}, licence {found['license'] or 'none'}, BTF {found['btf_bytes']:,} bytes")
    console.print(f"capabilities: {text(found['capabilities'])}")
    programs = table("program", "section", "instructions", "maps and data", "CO-RE", "lines")
    for item in (*found["programs"], *found["functions"]):
        names = dict.fromkeys(r["name"] for r in item["relocations"])
        row = (
            item["name"],
            item["section"],
            item["instructions"],
            " ".join(names),
            len(item["core_relocations"]),
            item["lines"],
        )
        programs.add_row(*map(str, row))
    console.print(programs, soft_wrap=False)
    maps = table("map", "type", "key", "value", "entries", "bytes")
    for item in found["maps"]:
        kind = item["kind"] or item["type"]
        row = (item["name"], kind, item["key"] or "", item["value"] or "", item["max_entries"], item["value_size"])
        maps.add_row(*map(str, row))
    if found["maps"]:
        console.print(maps, soft_wrap=False)
    externs = table("extern", "section", "kind", "where it isn't")
    for item in found["externs"]:
        externs.add_row(item["name"], item["section"], item["kind"], "0" if item["weak"] else "not loaded")
    if found["externs"]:
        console.print(externs, soft_wrap=False)
    for item in found["variables"]:
        console.print(f"{item['kind']} {item['name']}: {item['type']} in {item['section']}+{item['offset']}")
