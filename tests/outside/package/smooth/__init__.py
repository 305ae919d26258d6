"""A method and a backbone for ctrbench from outside it."""
