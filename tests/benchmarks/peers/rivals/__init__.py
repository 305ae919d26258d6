"""Scripts that run inside the environments of other libraries, and what they share."""
