"""What programs get to call that is itself written in the language: compiled into them, as any `@function` is."""
