"""`python -m pyebpf`."""

from pyebpf.cli.main import main

if __name__ == "__main__":
    main()
