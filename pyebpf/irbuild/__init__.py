"""Syntax tree → typed IR: names are resolved, types settled, every run-time check made explicit.

Comes in: the syntax trees of a module's probes and @functions, with the Python objects that their names mean.
Goes out: an `ir.Module`, in which nothing is left to be looked up. All diagnostics of a module are collected
before any is raised. Entry: `program.build_module`.
"""
