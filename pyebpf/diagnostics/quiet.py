"""Comments that silence warnings: `# pyebpf: ignore[W0101]`, or `# pyebpf: ignore` for all of a line's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pyebpf.diagnostics.base import Diagnostic

COMMENT: Final = re.compile(r"#\s*pyebpf:\s*ignore(?:\[(?P<codes>[^\]]*)\])?")


def heard(diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Those that no comment on their line silences."""
    for diagnostic in diagnostics:
        found = COMMENT.search(diagnostic.span.source.line(diagnostic.span.line))
        if found is None:
            yield diagnostic
        elif found["codes"] is not None:
            codes = {code.strip().upper() for code in found["codes"].split(",")}
            if diagnostic.code not in codes:
                yield diagnostic
