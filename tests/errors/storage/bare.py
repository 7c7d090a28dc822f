from pyebpf import CgroupStorage

counts = CgroupStorage()  # error
