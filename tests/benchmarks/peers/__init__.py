"""Other libraries on the same rows, measured by ``make bench-peers``."""
