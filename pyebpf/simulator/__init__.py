"""Runs typed IR without a kernel: neither root, nor Linux, nor LLVM is needed.

Comes in: a module that every check has passed (`checks.check_module`), and what the kernel would answer: a packet or a
context, the clock, the current task, memory by address. Goes out: the result, the fault, what is in maps and rings
afterwards. What the checks promise is asserted on the way: an access outside its memory, a number outside its type, a
byte that was never written and reaches a map, a ring, a helper or a comparison are InternalErrors. Entry: `Simulation`.
"""
