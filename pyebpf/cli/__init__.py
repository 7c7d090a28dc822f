"""The command line: a file per command. Exit codes: 0 done, 1 the probe or object is wrong, 2 usage, 3 not allowed
here."""
