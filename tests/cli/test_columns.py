"""Events as lines: of a struct and what follows it, each field and the rest."""

from __future__ import annotations

from pyebpf import RingBuf, struct, u32
from pyebpf.cli.columns import Columns
from pyebpf.decode import record_decoder
from pyebpf.layout import Struct


@struct
class Head:
    number: u32


def test_a_struct_and_what_follows_it() -> None:
    for follows, shown in ((bytes, "686921"), (str, "hi!")):
        type = RingBuf[Head, follows](size=4096).value
        assert isinstance(type, Struct)
        columns = Columns(type)
        event = record_decoder(type)(b"\7\0\0\0hi!")
        assert columns.header().split() == ["NUMBER", "DATA" if follows is bytes else "TEXT"]
        assert columns.row(event).split() == ["7", shown]
