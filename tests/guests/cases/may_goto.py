"""A loop whose rounds the kernel counts, in an object of clang's."""

from surroundings import test_run

SINCE = (6, 9)
ATTACH = False
LIBBPF = False  # objects of clang's are compared elsewhere
MACHINES = ("x86_64",)
FOREIGN = "may_goto"


def check(session):
    assert test_run(session, "probe") == 10
