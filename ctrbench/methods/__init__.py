"""Methods: what a paper adds to a loss."""
