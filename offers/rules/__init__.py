"""The rules: one file each, pure functions, no I/O."""
