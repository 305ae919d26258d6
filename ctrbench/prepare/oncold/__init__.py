"""oncold-sim: a simulated advertising world with known click and conversion probabilities.

Source: a stand-in for Oncold, the private data of AQCL (arXiv 2109.13921, table 1); the mechanism is our design.
``catalogue``, ``world``, ``interests``, ``population``, ``exposure`` and ``clicks`` each state their formulas;
``settings`` documents the parameters, whose values are on the card.
"""

from ctrbench.prepare.oncold.simulate import prepare

__all__ = ["prepare"]
