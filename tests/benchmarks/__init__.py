"""Speed, measured by ``make bench`` and never by a timed test."""
