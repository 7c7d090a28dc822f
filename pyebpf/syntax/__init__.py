"""Source text → syntax tree, by the grammar of `grammar/pyebpf.lark`. Entry: `parse.parse`."""
