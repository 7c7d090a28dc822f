"""Names of C++ and Rust functions as people wrote them: what `c++filt` makes of them, and perf shows.

Comes in: names as they stand in files. Goes out: text, or None for names that aren't mangled, or not as they should be.
A function's own parameters are left out, as its result is; those of functions that it is in are part of its name. What
compilers made of a part of it (`.cold`, `.constprop.0`) is told behind it.

Names are anybody's: a few letters may stand for gigabytes, or for parts in parts without an end. So a name may be so
long, take so many steps, and come to so many characters; what is beyond that stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pyebpf.pictures.names import visible

LONGEST: Final = 4096
"""Characters of a mangled name. Of 700,000 in large programs the longest has 1,250."""
SHOWN: Final = 1000
"""Characters of a name that people are shown: of a longer one the beginning and the end."""
_REST: Final = re.compile(r"((?:\.[a-z0-9_]+(?:\.[0-9]+)*)*)((?:@plt)?)")
_PART: Final = re.compile(r"\.[a-z0-9_]+(?:\.[0-9]+)*")
_OF_LLVM: Final = re.compile(r"\.llvm\.[0-9A-F]+")
_PREFIXES: Final = ("_Z", "_R")


def shown(name: str) -> str:
    """What a function is called in stacks."""
    found = visible(demangled(name) or name)
    return found if len(found) <= SHOWN else found[: 2 * SHOWN // 3] + "…" + found[-(SHOWN - 1 - 2 * SHOWN // 3) :]


def demangled(name: str) -> str | None:
    """The name as it was written; None if it wasn't mangled."""
    return _demangled(name) if name.startswith(_PREFIXES) and len(name) <= LONGEST else None


@lru_cache(maxsize=4096)
def _demangled(name: str) -> str | None:
    from pyebpf.symbols.demangle.names import cplusplus
    from pyebpf.symbols.demangle.rust import rust
    from pyebpf.symbols.demangle.rust_legacy import rust_legacy
    from pyebpf.symbols.demangle.writer import Mangled

    readers = (rust,) if name.startswith("_R") else (rust_legacy, cplusplus)
    letters = name.encode(errors="surrogatepass").decode("latin-1")  # lengths are in bytes
    for read in readers:
        try:
            found, end = read(letters)
        except (Mangled, RecursionError):
            continue
        rest = letters[end:]
        match = _REST.fullmatch(rest if read is cplusplus else _OF_LLVM.sub("", rest))
        if match is not None and found:
            clones = "".join(f" [clone {part}]" for part in _PART.findall(match[1]))
            found = found if name.isascii() else found.encode("latin-1", "replace").decode("utf-8", "backslashreplace")
            return found + clones + match[2]
    return None
