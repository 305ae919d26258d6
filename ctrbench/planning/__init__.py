"""Recipe -> jobs: the rows of a table, their settings, and which jobs are done or left."""
