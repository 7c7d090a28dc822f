from pyebpf import DevMap

ports = DevMap()  # error
