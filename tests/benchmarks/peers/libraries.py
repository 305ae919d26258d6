"""Who is compared: the name in the tables, the environment, the script and what a reader must know."""

from dataclasses import dataclass
from typing import Literal

Model = Literal["din", "deepfm"]

FUSED, REFERENCE = "ctrbench, fused kernels", "ctrbench"
OURS: dict[Model, dict[str, str]] = {
    "din": {FUSED: "fused", REFERENCE: "reference"},
    "deepfm": {REFERENCE: "reference"},
}
"""Our contestants by model: name -> kernels. DeepFM has no part that can be fused."""
JUDGED: dict[Model, str] = {"din": FUSED, "deepfm": REFERENCE}
"""Our contestant that the others are compared with: what ``--kernels auto`` chooses."""


@dataclass(frozen=True)
class Library:
    """One rival, measured by one script inside one environment."""

    name: str
    environment: str
    script: str
    note: str
    """What was chosen for it, and what it cannot do."""


TRAINING = [
    Library(
        "FuxiCTR",
        "fuxictr",
        "fuxictr_models",
        "`train_epoch` and `predict` over slices of resident tensors (its loaders cut batches row by row), fused Adam "
        "in place of its plain one, no regulariser. It clips gradients in every step. The package has DIN but not "
        "DeepFM, which is put together from its layers; the linear part sums the history where ours takes the mean.",
    ),
    Library(
        "DeepCTR-Torch",
        "deepctr-torch",
        "deepctr_torch_models",
        "`fit` and `predict` with `verbose=0`, fused Adam, no penalty. `fit` reads rows one by one through its own "
        "DataLoader and takes no other.",
    ),
    Library(
        "torch-rechub",
        "torch-rechub",
        "torch_rechub_models",
        "`CTRTrainer` over slices of resident tensors (its DataGenerator reads row by row), fused Adam, no penalty, no "
        "progress bar. Batch normalisation and DIN's Dice cannot be switched off; the linear part of DeepFM weighs "
        "embeddings, not ids.",
    ),
    Library(
        "RecBole",
        "recbole",
        "recbole_models",
        "The trainer's epoch and the model's `predict` over slices of resident tensors, fused Adam in place of its "
        "plain one, autograd's search for NaN off (one of its models switches it on for all, which doubles the time). "
        "DIN's MLP does not see the user; its attention got 36 units, where the library uses the sizes of the MLP. "
        "DeepFM's history has a table of its own.",
    ),
]

GROUPED = [
    Library("scikit-learn", "metrics", "sklearn_groups", "`roc_auc_score` of each group, parameter checks off."),
    Library("torchmetrics", "metrics", "torchmetrics_groups", "`binary_auroc` of each group, checks off."),
    Library("torcheval, group by group", "metrics", "torcheval_groups", "`binary_auroc` of each group."),
    Library(
        "torcheval, groups as tasks",
        "metrics",
        "torcheval_tasks",
        "`binary_auroc` of all groups in one call; the caller fills the groups up to equal length with rows of weight "
        "0. The groups here are about equally large, which suits it.",
    ),
    Library(
        "FuxiCTR",
        "fuxictr",
        "fuxictr_groups",
        "`evaluate_metrics` with gAUC: the weighted mean of the groups alone, from a pool of processes, whose CPU "
        "seconds count.",
    ),
]

GROUPED_OURS = "ctrbench"
EXACT = "scikit-learn"
"""With whose values all others have to agree."""
