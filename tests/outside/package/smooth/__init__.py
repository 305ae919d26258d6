"""A method, a backbone and a metric for ctrbench from outside it."""
