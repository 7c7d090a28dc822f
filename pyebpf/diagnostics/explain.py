"""The long form of a diagnostic, for `pyebpf explain CODE`."""

from __future__ import annotations

import difflib
import re
from textwrap import dedent

from pyebpf.diagnostics.catalog import CATALOG, by_code


def explain(code: str) -> str:
    """Title and explanation of a code. Raises LookupError, naming the nearest code, if there is none."""
    found = by_code(code)
    if found is None:
        near = difflib.get_close_matches(code, [diagnostic.code for diagnostic in CATALOG], n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise LookupError(f"there is no code {code}{hint}")
    title = re.sub(r"`\{(\w+)[^}]*\}`|\{(\w+)[^}]*\}", lambda match: f"<{match[1] or match[2]}>", found.title)
    return f"{found.code}: {title}\n\n{dedent(found.explanation).strip()}"
