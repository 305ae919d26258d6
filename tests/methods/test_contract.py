"""Every registered method on every registered backbone; a new one is tested by being registered."""

from ctrbench.backbones import BACKBONES
from ctrbench.methods import METHODS
from ctrbench.testing import MethodContract

assert set(MethodContract.backbones) == set(BACKBONES.names())

for name in METHODS.names():
    cases = {"method": name, "__module__": __name__}
    globals()[f"Test_{name}"] = type(f"Test_{name}", (MethodContract,), cases)
