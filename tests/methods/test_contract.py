"""Every registered method on every registered backbone; a new one is tested by being registered."""

from ctrbench.backbones import BACKBONES
from ctrbench.methods import METHODS
from ctrbench.testing import MethodContract

assert set(MethodContract.backbones) == set(BACKBONES.names())

SETTINGS = {"c2al": {"head": ["age_group = 3"], "tail": ["age_group = 1"]}}
"""Settings without which a method refuses every run."""

for name in METHODS.names():
    cases = {"method": name, "settings": SETTINGS.get(name, {}), "__module__": __name__}
    globals()[f"Test_{name}"] = type(f"Test_{name}", (MethodContract,), cases)
