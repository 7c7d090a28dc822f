"""What a probe imports: types, maps, variables, decorators and the functions that probes call.

Everything here is a declaration. Importing it compiles nothing and touches no kernel.
"""
