"""Results of jobs: identities, records, the work folder, and the archive that is committed. No torch."""
