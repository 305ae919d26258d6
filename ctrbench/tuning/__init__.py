"""Search of settings on rows set aside from training."""
