"""Records from user space: a program takes them in a loop, stops where it wants, and answers in a ring."""

from pyebpf import Global, RingBuf, UserRingBuf, char, raw_tracepoint, struct, u32, u64

SINCE = (6, 1)
JIT = True
ATTACH = False


@struct
class Command:
    number: u64
    kind: u32
    name: char[12]


commands = UserRingBuf[Command](size=4096)
answers = RingBuf[Command](size=4096)
rounds = Global[u64](0)


@raw_tracepoint("sys_enter")
def take(ctx):
    for command in commands:
        if command.kind == 9:
            break
        with answers.reserve() as answer:
            answer.number = command.number + 1
            answer.name = command.name
    else:
        rounds.value += 1


def check(session):
    take, view = session.programs["take"], session.maps["commands"]
    for number in range(500):  # several times around
        view.send({"number": number, "kind": 0, "name": f"n{number}"})
        if number % 7 == 6:
            take.test_run(ctx=bytes(16))
    take.test_run(ctx=bytes(16))
    found = session.maps["answers"].poll()
    assert len(found) + session.maps["answers"].dropped == 500
    assert [(each.number, each.name) for each in found] == [(n + 1, f"n{n}") for n in range(len(found))]
    assert session.variables["rounds"].value == 500 // 7 + 1 and view.free == 4096
    assert view.send_many([(1, 9, "stop"), (2, 0, "after")]) == 2
    take.test_run(ctx=bytes(16))
    assert session.variables["rounds"].value == 500 // 7 + 1 and session.maps["answers"].poll() == []
    take.test_run(ctx=bytes(16))
    assert [each.name for each in session.maps["answers"].poll()] == ["after"] and not session.faults
