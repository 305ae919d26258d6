"""Stage 1: raw files, or a simulation, become a prepared dataset."""
