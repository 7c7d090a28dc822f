"""Writes the pages that come from the code: diagnostics.md from the catalogue, language.md from the grammar's rules,
comments and examples, capabilities.md from the kernel's tables and the samples.

python docs/generate.py            # after changing a diagnostic, the grammar or a hook; a test compares
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import privileges
from reference import language_page

from pyebpf.diagnostics.catalog import CATALOG
from pyebpf.syntax.tables import grammar_text

HERE = Path(__file__).parent
TOPICS = {
    "E01": "Syntax",
    "E02": "Loops, budgets and proofs",
    "E03": "Names",
    "E04": "Types and values",
    "E05": "Maps and rings",
    "E06": "Hooks and the kernel's types",
    "E07": "Declarations",
    "W01": "Warnings",
}


def diagnostics_page() -> str:
    """Every diagnostic by code, with what `pyebpf explain` says."""
    parts = ["# Diagnostics", "Every message that a probe can get. `pyebpf explain CODE` shows the same text."]
    topic = ""
    for diagnostic in sorted(CATALOG, key=lambda each: each.code):
        if diagnostic.code[:3] != topic:
            topic = diagnostic.code[:3]
            parts.append(f"## {TOPICS[topic]}")
        parts.append(f"### {diagnostic.code}: {plain(diagnostic.title)}")
        parts.append(dedent(diagnostic.explanation).strip())
    return "\n\n".join(parts) + "\n"


def plain(title: str) -> str:
    """A title with words in italics for the fields that it names."""
    return re.sub(
        r"`\{(\w+)[^}]*\}`|\{(\w+)[^}]*\}", lambda match: f"*{(match[1] or match[2]).replace('_', ' ')}*", title
    )


PAGES = {
    "diagnostics.md": diagnostics_page,
    "language.md": lambda: language_page(grammar_text()),
    "capabilities.md": privileges.page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
