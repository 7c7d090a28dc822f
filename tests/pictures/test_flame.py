"""Flame graphs: what is where, what is left out and said to be, and that no name breaks the picture."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from picture_data import kernel, many_stacks, server_load, user

from pyebpf.pictures.document import ROOM, framed, script
from pyebpf.pictures.flame import CHAR, HEADER, PAD, ROW, flame_graph, flame_picture
from pyebpf.pictures.frames import Frame, StackCount
from pyebpf.pictures.theme import HUES, shade
from pyebpf.pictures.tree import MOST_BOXES, MOST_LEVELS, tree_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script>",
    "]]>",
    "a&b\"'",
    "\x1b[31m\0\n\t",
    "\u202eevil\u2066",
    "\ud800",
    "\ufffe",
    "名前" * 9,
)


def boxes(svg: str) -> list[dict[str, object]]:
    """The frames of a document, in their order."""
    found = []
    for group in ElementTree.fromstring(svg.encode()).iter(f"{SVG}g"):
        if group.get("class") == "f":
            rect, text = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
            title = str(group.findtext(f"{SVG}title"))
            place = [float(rect.attrib[name]) for name in ("x", "y", "width")]
            found.append({"title": title.split("\n"), "place": place, "text": None if text is None else text.text})
    return found


def test_boxes_lie_where_their_callers_do() -> None:
    stacks = [
        StackCount(("app", 7), (*kernel("read"), *user("/bin/app", "load", "main")), 30),
        StackCount(("app", 7), user("/bin/app", "parse", "main"), 60),
        StackCount(("other", 8), user("/bin/other", "main"), 10),
    ]
    found = {box["title"][0]: box for box in boxes(flame_graph(stacks)) if box["title"][0] != "main"}
    assert found["all"]["title"] == ["all", "100 samples, 100%"]
    assert found["parse"]["title"] == ["parse", "/bin/app", "60 samples, 60.0%"]
    assert found["load"]["place"][0] == 0 and found["load"]["place"][2] == round(0.3 * ROOM - 0.5, 2)
    assert found["parse"]["place"][0] == round(0.3 * ROOM, 2) and found["other"]["place"][0] == 0.9 * ROOM
    levels = [found[name]["place"][1] for name in ("all", "app", "7", "parse")]
    assert [levels[0] - level for level in levels] == [0, ROW, 2 * ROW, 4 * ROW] and found["read"]["place"][1] == HEADER


def test_icicles_have_their_root_on_top_and_keys_may_be_left_out() -> None:
    stacks = [StackCount(("app",), user("/bin/app", "inner", "outer"), 1)]
    found = [(box["title"][0], box["place"][1]) for box in boxes(flame_graph(stacks, icicle=True, keys=False))]
    assert found == [("all", HEADER), ("outer", HEADER + ROW), ("inner", HEADER + 2 * ROW)]


def test_each_kind_has_hues_of_its_own_stable_by_name() -> None:
    svg = flame_graph(server_load())
    classes = {box.get("class") for box in ElementTree.fromstring(svg.encode()).iter(f"{SVG}rect")}
    assert {
        shade("kernel", "vfs_read"),
        shade("user", "main"),
        shade("python", "serve"),
        shade("key", "nginx"),
    } <= classes
    assert shade("kernel", "vfs_read") == "kernel" + shade("user", "vfs_read")[-1]
    for kind in ("key", "user", "kernel", "python", "jit", "unknown"):
        assert f">{HUES[kind][0]}</text>" in svg, "the legend"


def test_what_is_too_small_is_left_out_and_said() -> None:
    stacks = [
        StackCount((), user("/bin/app", "large", "main"), 1_000_000),
        StackCount((), user("/bin/app", "tiny"), 100),
    ]
    svg = flame_graph(stacks)
    assert [box["title"][0] for box in boxes(svg)] == ["all", "main", "large"]
    assert "too small to be shown are frames in which 100 samples, 0.01%, end" in svg
    assert "too small" not in flame_graph(stacks[:1])


def test_text_fits_its_box() -> None:
    for box in boxes(flame_graph(server_load())):
        if box["text"] is not None:
            assert 2 * PAD + CHAR * len(box["text"]) <= box["place"][2] + 1
            assert box["text"] == box["title"][0] or box["text"].endswith("…")


def test_stacks_of_any_depth_and_many_of_them() -> None:
    deep = [StackCount((), tuple(Frame(f"f{n}", kind="user") for n in range(20_000)), 5)]
    assert len(boxes(flame_graph(deep))) == MOST_LEVELS + 1
    stacks = many_stacks(50_000)
    began = time.process_time()
    svg = flame_graph(stacks)
    assert time.process_time() - began < 15
    assert len(svg) < 8 << 20 and 1000 < len(boxes(svg)) <= MOST_BOXES


def test_the_smallest_go_where_there_are_too_many() -> None:
    stacks = [StackCount((n,), user("/bin/app", "inner", "main"), 1 + (n % 3)) for n in range(MOST_BOXES)]
    tree = tree_of(stacks)
    assert len(tree.boxes) == MOST_BOXES and tree.hidden == tree.total - sum(box.ended for box in tree.boxes) > 0
    open_until: list[int] = []
    for box in tree.boxes:  # each within its caller
        del open_until[box.level :]
        assert len(open_until) == box.level and (not open_until or box.start + box.count <= open_until[-1])
        open_until.append(box.start + box.count)


def test_calls_in_a_row_that_are_unknown_are_one() -> None:
    lost, again = Frame("[unknown]"), user("/bin/app", "again")
    stacks = [StackCount((), (*again, *again, lost, lost, lost, *again, lost, lost), 2)]
    shown = [box["title"][0] for box in boxes(flame_graph(stacks))]
    assert shown == ["all", "[unknown]", "again", "[unknown]", "again", "again"], "recursion stays as it is"


def test_nothing_to_show() -> None:
    assert "there are no stacks" in flame_graph([]) and boxes(flame_graph([])) == []
    assert "there are no stacks" in flame_graph([StackCount((), user("/bin/app", "main"), 0)])


NAMES = some.one_of(some.sampled_from(HOSTILE), some.text(some.characters(codec=None), max_size=30))


@settings(deadline=None, max_examples=200)
@given(some.lists(some.tuples(NAMES, NAMES, NAMES, some.integers(1, 2**63)), min_size=1, max_size=5), NAMES, NAMES)
def test_no_name_breaks_the_document(found: list[tuple[str, str, str, int]], title: str, unit: str) -> None:
    stacks = [StackCount((key,), (Frame(name, module, kind="user"),), count) for key, name, module, count in found]
    svg = flame_graph(stacks, title=title, unit=unit)
    document = ElementTree.fromstring(svg.encode())
    assert [each.tag for each in document.iter() if each.tag.endswith("script")] == [f"{SVG}script"]
    assert all(char.isprintable() or char == "\n" for char in "".join(document.itertext()))
    assert svg.count("<script") == 1 and svg.count("]]>") == 1
    html = framed([flame_picture(stacks, title=title, unit=unit)], title)
    assert html.startswith('<iframe sandbox="allow-scripts" style="') and html.count('"') == 6


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("icicle", [False, True])
def test_drawn(rendered: Callable[[str, str], tuple[int, int]], theme: str, icicle: bool) -> None:
    svg = flame_graph(server_load(), title="profile: on-CPU", theme=theme, icicle=icicle)
    width, height = rendered(f"flame-{theme}{'-icicle' if icicle else ''}", svg)
    assert width == 1200 and height > 300


def test_drawn_with_many_and_with_hostile_names(rendered: Callable[[str, str], tuple[int, int]]) -> None:
    rendered("flame-many", flame_graph(many_stacks(20_000), title="20,000 stacks"))
    hostile = [StackCount((name,), (Frame(name, name, kind="user"),) * 2, 5) for name in HOSTILE]
    rendered("flame-hostile", flame_graph(hostile, title="".join(HOSTILE), unit="<b>"))


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node isn't installed (nodejs): it runs the picture's script")
    return found


def test_the_script_zooms_and_searches(node: str, tmp_path: Path) -> None:
    """In an engine with as much of a document as the script uses."""
    stacks = [
        StackCount((), (*kernel("read"), *user("/bin/app", "load", "main")), 30),
        StackCount((), (*kernel("read"), *user("/bin/app", "read", "main")), 20),
        StackCount((), user("/bin/app", "parse", "main"), 50),
    ]
    frames = [
        {"title": "\n".join(box["title"]), "y": box["place"][1], "data": group.get("data-f")}
        for box, group in zip(boxes(flame_graph(stacks)), groups(flame_graph(stacks)), strict=True)
    ]
    (tmp_path / "frames.json").write_text(json.dumps(frames))
    (tmp_path / "flame.js").write_text(script())
    run = [node, Path(__file__).parent / "dom.js", tmp_path / "frames.json", tmp_path / "flame.js"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    # `read` calls `read`: its samples are counted once.
    assert said["searched"] == {"read": "matched: 50.0%", "/^p/": "matched: 50.0%", "/(/": "not a regular expression"}
    assert said["hits"] == ["read", "read", "read"]
    assert said["zoomed"] == {"all": [0, ROOM], "main": [0, ROOM], "load": [0, ROOM], "read": [0, ROOM]}
    assert said["faded"] == ["all", "main"]
    assert said["hover"] == "read · [kernel] · 30 samples, 30.0% (100.0% of what is shown)"
    assert set(said["reset"]) == {"all", "main", "load", "read", "parse"} and said["rest"] == ""


def groups(svg: str) -> list[ElementTree.Element]:
    return [each for each in ElementTree.fromstring(svg.encode()).iter(f"{SVG}g") if each.get("class") == "f"]
