"""Maps, events and printed lines as Python collections, wherever their bytes lie: in the kernel or in the simulator.

Comes in: something that reads and writes entries or records as bytes (`Entries`, `Records`). Goes out: mappings,
sequences and iterables of Python values. Nothing here touches the kernel.
"""
