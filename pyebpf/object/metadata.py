"""Moved to `pyebpf.metadata`."""

from pyebpf.metadata import *
