"""Running jobs: what a job does, which process runs it, and what the driver stores."""
