"""Facts about Linux, as tables: hooks, helpers, map types, program types. No behaviour, and no compiler."""
