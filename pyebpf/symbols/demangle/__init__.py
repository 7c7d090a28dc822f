"""Names of C++ and Rust as people wrote them.

Comes in: names as they stand in files. Goes out: text, or None for names that aren't mangled, or not as they should be.
"""
