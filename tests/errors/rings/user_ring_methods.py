from pyebpf import UserRingBuf, raw_tracepoint, struct, u64


@struct
class Command:
    number: u64


commands = UserRingBuf[Command](size=4096)


@raw_tracepoint("sys_enter")
def probe(ctx):
    first = commands[0]  # error
    commands.pop()  # error
    for command in commands.items():  # error
        pass
    if len(commands) > 3:  # error
        return
    for command, number in zip(commands, range(4)):  # error
        first.number = u64(number)
