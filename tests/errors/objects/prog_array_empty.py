from pyebpf import ProgArray

jumps = ProgArray()  # error
