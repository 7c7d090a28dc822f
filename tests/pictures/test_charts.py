"""Distributions and tables, drawn: what stands where, and that it stays harmless."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from picture_data import by_disk, packet_sizes, read_latency
from terminal_picture import terminal_picture

from pyebpf.pictures.bars import distribution_lines, keyed_lines
from pyebpf.pictures.charts import distribution_picture, heat_picture, keyed_picture, table_picture
from pyebpf.pictures.distributions import Distribution, linear, log2
from pyebpf.pictures.document import document, framed
from pyebpf.pictures.lines import ansi, bar, heights, plain, rich_text
from pyebpf.pictures.names import columns
from pyebpf.pictures.tables import Row, Table, table_html, table_lines

SVG = "{http://www.w3.org/2000/svg}"
CALLS = Table(
    "calls",
    "key",
    ("value", "name"),
    (Row("nginx", (1_204_331, "web"), 2_400), Row("日本", (31_007, "\x1b[31m"), -3), Row("<b>", (12, "x"), None)),
    134,
    seconds=2.0,
)


def test_a_distribution_in_a_terminal() -> None:
    found = log2("read", "ns", [0] * 10 + [3, 1_200, 0, 40])
    assert plain(distribution_lines(found)) == (
        "read: 1,243 values  p50 2.05 µs … 4.1 µs  p90 2.05 µs … 4.1 µs  p99 8.19 µs … 16.4 µs\n"
        "  1.02 µs … 2.05 µs      3  ▏\n"
        "  2.05 µs … 4.1 µs   1,200  ████████████████████████████████████████\n"
        "   4.1 µs … 8.19 µs      0\n"
        "  8.19 µs … 16.4 µs     40  █▍\n"
    )


def test_what_is_beyond_steps_has_rows_of_its_own() -> None:
    found = linear("size", "bytes", 0, 512, [0, 4, 1, 0, 2])
    assert plain(distribution_lines(found, width=44)) == (
        "size: 7 values  p50 0 B … 512 B  p90 ≥ 1.5 KiB  p99 ≥ 1.5 KiB\n"
        "    0 B … 512 B    4  ██████████████████████\n"
        "  512 B … 1 KiB    1  █████▌\n"
        "  1 KiB … 1.5 KiB  0\n"
        "        ≥ 1.5 KiB  2  ███████████\n"
    )
    assert plain(distribution_lines(linear("n", "", 0, 1, [1, 0, 3, 0]), width=30)) == (
        "n: 4 values  p50 1  p90 1  p99 1\n    < 0  1  ██████\n  0      0\n  1      3  ██████████████████\n"
    )
    assert plain(distribution_lines(log2("none", "ns", [0] * 64))) == "none: 0 values\n"


def test_many_keys_are_rows_of_a_table() -> None:
    found = [log2("io", "ns", [0] * 12 + [number, 2 * number, 1], f"disk{number}") for number in range(1, 6)]
    lines = plain(keyed_lines("io", found, width=100, most=4)).splitlines()
    assert lines[0] == "io: 5 keys" and lines[-1] == "… and 1 more" and len(lines) == 7
    assert lines[1].split() == ["key", "values", "p50", "p90", "p99", "4.1", "µs", "…", "32.8", "µs"]
    assert lines[2].split()[:2] == ["disk5", "16"] and lines[2].endswith("▄█▁")
    few = plain(keyed_lines("io", found[:2]))
    assert few.startswith("io: 2 keys\nio[disk2]: 7 values")


def test_a_table_in_a_terminal() -> None:
    assert plain(table_lines(CALLS)) == (
        "calls: 134 entries\n"
        "  key        value  name           +  per s\n"
        "  nginx  1,204,331  web       +2,400  1,200\n"
        "  日本      31,007  \\x1b[31m      -3   -1.5\n"
        "  <b>           12  x\n"
        "  … and 131 more\n"
    )
    narrow = [ansi(line, 30, colored=False) for line in table_lines(CALLS, 30)]
    assert all(columns(line) <= 30 for line in narrow) and narrow[2].endswith("…")


def test_bars_to_an_eighth_of_a_column() -> None:
    parts = {0: "", 1e-9: "▏", 1 / 8: "█", 0.5: "████", 0.51: "████▏", 1: "████████"}
    assert {part: bar(part, 1, 8) for part in parts} == parts


def test_heights() -> None:
    assert heights([0, 1, 500, 1000]) == " ▁▄█" and heights([0, 0]) == "  " and heights([]) == ""


def test_columns_stand_on_the_axis_over_their_bounds() -> None:
    root = ElementTree.fromstring(document([distribution_picture(packet_sizes())], "packet_size").encode())
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("class") in ("bar", "beyond")]
    titles = [str(each.findtext(f"{SVG}title")) for each in bars]
    assert titles[0] == "0 B … 128 B: 9,112" and titles[-1] == "≥ 1.5 KiB: 37"
    ends = {round(float(each.attrib["y"]) + float(each.attrib["height"]), 1) for each in bars}
    assert len(ends) == 1, "all stand on the axis"
    heights = [float(each.attrib["height"]) for each in bars]
    assert heights[11] == max(heights) and heights[0] / heights[11] == pytest.approx(9_112 / 20_114, rel=0.01)
    texts = {each.text for each in root.iter(f"{SVG}text")}
    assert {"0 B", "128 B", "1.5 KiB", "10,000"} <= texts


NAMES = some.text(some.characters(codec=None), max_size=12)
COUNTS = some.lists(some.integers(0, 2**64 - 1), min_size=2, max_size=64)


@settings(deadline=None, max_examples=60)
@given(some.lists(some.tuples(NAMES, COUNTS, COUNTS), min_size=1, max_size=5), some.integers(20, 200))
def test_anything_can_be_drawn(found: list[tuple[str, list[int], list[int]]], width: int) -> None:
    slots = max(len(counts) for _, counts, _ in found)
    logs = [log2(name, name, counts, name) for name, counts, _ in found]
    lines = [linear(name, "bytes", -50, 7, counts + [0] * (64 - len(counts)), name) for name, _, counts in found]
    table = Table(found[0][0], "key", ("value",), tuple(Row(name, (counts[0],)) for name, counts, _ in found), slots)
    pictures = [*map(distribution_picture, [*logs, *lines]), table_picture(table)]
    for each in (logs, lines):
        pictures += [keyed_picture("k", each), heat_picture("h", [(name.key, name) for name in each])]
        for shown in (*distribution_lines(each[0], width), *keyed_lines("k", each, width), *table_lines(table, width)):
            assert columns(ansi(shown, width, colored=False)) <= width
            assert ansi(shown, width, colored=False).isprintable()
    ElementTree.fromstring(document(pictures, found[0][0]).encode())
    assert framed(pictures).count('"') == 6
    ElementTree.fromstring(f"<div>{table_html(table)}</div>")


def over_time() -> list[tuple[str, Distribution]]:
    found = []
    for second in range(30):
        counts = [0] * 64
        for slot in range(9, 22):
            counts[slot] = max(0, 4_000 - 900 * abs(slot - 12 - (second // 6))) + (second % 5 == 0 and slot > 19) * 300
        found.append((f"{second} s", log2("latency", "ns", counts)))
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drawn(rendered: Callable[[str, str], tuple[int, int]], theme: str) -> None:
    pictures = [distribution_picture(read_latency()), distribution_picture(packet_sizes()), table_picture(CALLS)]
    pictures += [keyed_picture("io", by_disk()), heat_picture("latency", over_time())]
    assert rendered(f"charts-{theme}", document(pictures, "charts", theme))[0] == 1200


def test_drawn_as_a_terminal_has_it(rendered: Callable[[str, str], tuple[int, int]]) -> None:
    many = [log2("io", "ns", [0] * n + [40 * n, 900, 200 + n, 5], f"disk{n}") for n in range(6, 14)]
    lines = [*distribution_lines(read_latency()), *keyed_lines("io", many, 100), *table_lines(CALLS)]
    rendered("terminal", terminal_picture([ansi(line, 100) for line in lines], 100))


def test_rich_has_the_same_text() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), record=True, width=100)
    lines = [*distribution_lines(read_latency()), *table_lines(CALLS)]
    console.print(rich_text(lines))
    shown = console.export_text().splitlines()
    assert [line.rstrip() for line in shown if line.strip()] == plain(lines).splitlines()
