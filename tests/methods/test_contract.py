"""Every registered method on every registered backbone; a new one is tested by being registered."""

from ctrbench.backbones import BACKBONES
from ctrbench.methods import METHODS
from ctrbench.testing import MethodContract

single = {name for name in BACKBONES.names() if BACKBONES.get(name).single_task}
# A logistic regression cannot fit the interactions of the data, so its loss hardly falls.
assert {*MethodContract.backbones} >= single - {"embeddings"}

SETTINGS = {"c2al": {"head": ["age_group = 3"], "tail": ["age_group = 1"]}}
"""Settings without which a method refuses every run."""

for name in METHODS.names():
    cases = {"method": name, "settings": SETTINGS.get(name, {}), "__module__": __name__}
    globals()[f"Test_{name}"] = type(f"Test_{name}", (MethodContract,), cases)
