"""Builds the parser's tables when a wheel is made: `pyebpf/syntax/tables.json`, which saves half a second at every
start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SCRIPT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("tables", sys.argv[1])
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)
grammar = open(sys.argv[2], encoding="utf-8").read()
with open(sys.argv[3], "wb") as file:
    file.write(tables.dump(tables.build(grammar), tables.identity(grammar)))
"""


class CustomBuildHook(BuildHookInterface[Any]):
    """Runs before wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the tables, in a process of fixed hash order, so that the same grammar gives the same bytes."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        paths = [root / "pyebpf/syntax/tables.py", root / "grammar/pyebpf.lark", root / "pyebpf/syntax/tables.json"]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run([sys.executable, "-c", SCRIPT, *map(str, paths)], check=True, env=environment)
