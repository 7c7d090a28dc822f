"""A pointer to a task, which a map keeps, in an object of clang's."""

SINCE = (6, 2)
ATTACH = False
LIBBPF = False  # objects of clang's are compared elsewhere
MACHINES = ("x86_64",)
FOREIGN = "kernel_pointers"


def check(session):
    assert [session.programs["probe"].test_run().result for _ in range(2)] == [1, 1]
