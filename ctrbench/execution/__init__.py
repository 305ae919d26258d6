"""Making jobs: what a job does, where it is done, and what the driver keeps of it."""
