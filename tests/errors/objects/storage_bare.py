from pyebpf import TaskStorage

counts = TaskStorage()  # error
