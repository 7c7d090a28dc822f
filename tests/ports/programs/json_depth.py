"""How deep a JSON text nests and how many strings it has, with a stack of what is open."""

from pyebpf import XDP, Global, struct, u8, u32, xdp

START, LONGEST, DEEPEST = 14, 160, 16

deepest = Global[u32](0)
strings = Global[u32](0)


@struct
class Open:
    kinds: u8[16]


@xdp
def scan(packet):
    open = Open()
    depth = 0
    most = 0
    found = 0
    inside = False
    escaped = False
    for i in range(START, min(len(packet), START + LONGEST)):
        c = packet.load(i, u8)
        if inside:
            if escaped:
                escaped = False
            elif c == 0x5C:
                escaped = True
            elif c == 0x22:
                inside = False
            continue
        match c:
            case 0x22:
                inside = True
                found += 1
            case 0x7B | 0x5B:
                if depth == DEEPEST:
                    return XDP.DROP
                open.kinds[depth] = c + 2
                depth += 1
                most = max(most, depth)
            case 0x7D | 0x5D:
                if depth == 0 or open.kinds[depth - 1] != c:
                    return XDP.DROP
                depth -= 1
    if inside or depth != 0:
        return XDP.DROP
    deepest.value = most
    strings.value = found
    return XDP.PASS
