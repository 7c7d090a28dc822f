from pyebpf import iterator, u8, u32


@iterator("bpf_map_elem")
def large(key: u32, value: u8[300]):  # error
    pass


@iterator("bpf_map_elem")
def nothing(key: "no type"):  # error
    pass
