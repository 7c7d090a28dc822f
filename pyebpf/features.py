"""What this kernel, and this process's privileges, allow: every kind of program, map, attachment and instruction, tried
for real.

    from pyebpf.features import probe

    found = probe()
    found["kprobe.multi"].works, found["kprobe.multi"].why
    "loop" in found.helpers["xdp"]
"""

from __future__ import annotations

from pyebpf.loader.features import Feature, Features, probe, to_json

__all__ = ["Feature", "Features", "probe", "to_json"]
