"""Names of addresses: of the kernel, of its modules, of processes, living or gone.

Comes in: addresses, and the number of a process. Goes out: `pictures.frames.Frame`s. Everything that is read here is
other people's: files, maps and names of processes are checked, and never trusted.
"""

from pyebpf.symbols.resolver import Symbols as Symbols
