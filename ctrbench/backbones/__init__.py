"""Backbones: embed -> interact -> predict."""
