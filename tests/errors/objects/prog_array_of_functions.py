from pyebpf import ProgArray, function


@function
def helper(packet):
    return 1


jumps = ProgArray({0: helper})  # error
