"""Prepared data: its schema, its resident tensors, batches and training negatives."""
