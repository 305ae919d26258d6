"""Distributions of other people, as pip leaves them: a module, its entry points, a name and a version."""

import sys
from pathlib import Path

METHOD = """
from pydantic import Field
from ctrbench.methods.base import Method, MethodSettings
class OutsideSettings(MethodSettings):
    weight: float = Field(0.5, gt=0)
class Outside(Method):
    Settings = OutsideSettings
    paper = source = "none"
    def loss(self, backbone, batch, embedded, generator):
        return self.task_loss(backbone.score(backbone.interact(embedded), embedded), batch)
"""


def install(
    folder: Path,
    monkeypatch,
    *,
    kind: str = "method",
    name: str = "outside",
    source: str = METHOD,
    version: str = "1.0",
    distribution: str = "outside-package",
    target: str = "outside_module:Outside",
) -> None:
    """Installs a distribution that registers one component into ``folder``, in place of an older version of it."""
    module = target.partition(":")[0]
    sys.modules.pop(module, None)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    stem = distribution.replace("-", "_")
    for old in folder.glob(f"{stem}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = folder / f"{stem}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[ctrbench.{kind}s]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(folder)
