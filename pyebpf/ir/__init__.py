"""The typed IR: structured regions of typed ops, every check explicit, every op with its span.

Made by `irbuild` from the syntax tree, read by `checks`, rewritten by
`transform`, turned into LLVM IR by `codegen`.
"""
