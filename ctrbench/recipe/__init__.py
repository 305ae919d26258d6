"""Recipes: what a table or figure is made of, as TOML, and which recipes a command asks for. No torch, no data."""
