"""Stage 5: tables, verdicts, formats, from records alone."""
