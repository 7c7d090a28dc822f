"""A page of memory that programs and user space share, in an object of clang's."""

SINCE = (6, 9)
ATTACH = False
LIBBPF = False  # objects of clang's are compared elsewhere
MACHINES = ("x86_64",)
FOREIGN = "arena"


def check(session):
    assert [session.programs["probe"].test_run().result for _ in range(11)] == [1] * 10 + [0]  # it has ten pages
