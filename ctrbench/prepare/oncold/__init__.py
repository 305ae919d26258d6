"""oncold-sim: a simulated advertising world of known click and conversion probabilities.

Source: stands in for Oncold, the private data of AQCL (arXiv 2109.13921, table 1); the mechanism is this package's own.
``catalogue``, ``world``, ``population``, ``exposure`` and ``clicks`` each state their formulas; ``settings`` documents
the parameters, whose values lie on the card.
"""

from ctrbench.prepare.oncold.simulate import prepare

__all__ = ["prepare"]
