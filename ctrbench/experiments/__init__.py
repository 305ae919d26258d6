"""Stages 2 and 3 from outside: recipe -> plan -> runs -> records."""
