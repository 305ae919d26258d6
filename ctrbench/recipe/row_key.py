"""What all seeds of a table's row have in common."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class RowKey:
    """Dataset x backbone x method x variant; with a seed it is a job."""

    dataset: str
    backbone: str
    method: str
    variant: str = ""
    """Name of the variant; empty in a recipe without variants."""

    def __str__(self) -> str:
        return f"{self.dataset} {self.backbone} {self.method}" + (f" ({self.variant})" if self.variant else "")

    @property
    def names(self) -> dict[str, str]:
        """Dataset, backbone and method."""
        return {"dataset": self.dataset, "backbone": self.backbone, "method": self.method}
