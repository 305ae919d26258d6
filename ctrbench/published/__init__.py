"""Published values, as CSV: what our tables answer to."""
