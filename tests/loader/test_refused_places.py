"""What verifiers say of places that take no programs, in plain words. The lines are those of kernels in guests."""

from __future__ import annotations

import pytest

from pyebpf.loader.link import Linked
from pyebpf.loader.missing import missing
from pyebpf.metadata import Metadata
from pyebpf.object.specs import Object

END = "\nprocessed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "attach_btf_id 67738 points to disabled hook bpf_lsm_xfrm_decode_session",
            "security hook xfrm_decode_session",
        ),
        ("bpf_lsm_task_kill is not sleepable", "on task_kill in this kernel: they may be on some security hooks"),
        ("bpf_fentry_test1 is not sleepable", "on bpf_fentry_test1 in this kernel"),
        ("vfs_read() is not modifiable", "fmod_ret can't be on vfs_read in this kernel"),
    ],
)
def test_words(said: str, words: str) -> None:
    assert words in missing(Object(b"", (), (), (), "GPL", b"", Metadata()), Linked(b"", b"", b"", ()), said + END)
