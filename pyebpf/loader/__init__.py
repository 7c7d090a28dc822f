"""From an object to the kernel: bpf(2), relocation, CO-RE, the verifier's log. Entry: `load.load_object`."""
