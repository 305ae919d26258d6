"""Stage 5: tables, verdicts and formats, made from records alone."""
