"""What the verifier says of a program that it refuses: fetched whole, read into records, told in plain words.

`fetch` gets the log; `log` has its records, `registers` what they say of registers, `structured` what Linux 7.3 adds;
`path` goes back from the refused instruction to where a register got its value; `complaints` is the table of plain
words; `refusal` joins them, and `error` shows it.
"""

from pyebpf.loader.verifier.error import VerifierError as VerifierError
from pyebpf.loader.verifier.error import refused_at as refused_at
