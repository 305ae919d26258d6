"""Backbones with parts for each task, on a single-task backbone as their bottom."""
