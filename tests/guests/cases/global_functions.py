"""Functions that the verifier checks by themselves, in an object of clang's."""

from surroundings import test_run

SINCE = (5, 6)
ATTACH = False
LIBBPF = False  # objects of clang's are compared elsewhere
MACHINES = ("x86_64",)
FOREIGN = "calls_global"


def check(session):
    assert [test_run(session, name) for name in ("one", "two")] == [21, 11]
