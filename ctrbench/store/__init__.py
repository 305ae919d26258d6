"""What jobs leave: their identity, their records, the work folder, and the archive that is committed. No torch."""
