"""Predictions -> metrics by task, column and group; reference rows; representations."""
