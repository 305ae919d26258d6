"""Recipes: the runs behind a table or figure, as TOML, and the recipes that a command names. No torch, no data."""
