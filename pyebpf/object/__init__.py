"""What a BPF object is: read from ELF, described by specs, the same for ours and for foreign ones."""
