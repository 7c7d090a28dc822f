"""Makes small BTF for tests, word by word."""

from __future__ import annotations

import struct

from pyebpf.kernel.btf import Kind


class Writer:
    """Makes small BTF, in either byte order."""

    def __init__(self, order: str = "<", first_string: int = 0) -> None:
        self.order = order
        self.first_string = first_string
        self.strings = b"" if first_string else b"\0"
        self.types = b""

    def name(self, text: str) -> int:
        if not text:
            return 0
        self.strings += text.encode() + b"\0"
        return self.first_string + len(self.strings) - len(text.encode()) - 1

    def add(self, name: str, kind: Kind, size: int, *words: int, count: int = 0, flag: bool = False) -> None:
        info = flag << 31 | kind << 24 | count
        self.types += struct.pack(f"{self.order}{3 + len(words)}I", self.name(name), info, size, *words)

    def data(self) -> bytes:
        lengths = (24, 0, len(self.types), len(self.types), len(self.strings))
        return struct.pack(self.order + "HBBIIIII", 0xEB9F, 1, 0, *lengths) + self.types + self.strings
