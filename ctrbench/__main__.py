"""``python -m ctrbench`` is ``ctrbench``."""

from ctrbench.cli import main

main()
