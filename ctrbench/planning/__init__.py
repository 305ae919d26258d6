"""Recipe -> jobs: the rows of a table, their settings, what is done and what is left."""
