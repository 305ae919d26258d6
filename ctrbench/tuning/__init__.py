"""Search of settings on rows held out from training."""
