"""Stage 3: the loop, early stopping, checkpoints, evaluation."""
