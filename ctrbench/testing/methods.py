"""What every method must do on every backbone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
import torch

from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods import METHODS
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import DATA, FUNNEL, TWO_TASKS, start, without_gradient
from ctrbench.training.fit import Training, train_epoch


class MethodContract:
    """A subclass names a registered method, and may name the settings to test it with and the backbones to test it on.

    A test on a backbone or data that the method refuses is skipped. The backbones are the single-task ones, and of
    those with parts for each task the three that a method can tell apart: with several tables, with one, and with a
    loss of their own.
    """

    method: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    backbones: ClassVar[tuple[str, ...]] = (
        *("wide-deep", "deepfm", "din", "dcn-v2", "autoint", "wukong", "dhen", "mlp"),
        *("single-task", "shared-bottom", "aitm"),
    )

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each backbone."""
        if "backbone" in metafunc.fixturenames:
            metafunc.parametrize("backbone", self.backbones)

    def run(self, backbone: str, **options: Any) -> Training:
        """A run of the method on ``small``; ``options`` as for :func:`ctrbench.testing.runs.start`."""
        prepared = options.pop("prepared", None) or dataset("small")
        return start(backbone, self.method, prepared, method_settings=self.settings, **options)

    def test_it_states_its_paper_and_its_source(self) -> None:
        chosen = METHODS.get(self.method)
        assert chosen.paper
        assert chosen.source
        assert chosen.__doc__
        chosen.Settings()
        with pytest.raises(CtrbenchError, match="unknown key 'no_such_setting'"):
            chosen.Settings.read({"no_such_setting": 1}, f"methods.{self.method}")

    def test_the_loss_is_finite_and_falls(self, backbone: str) -> None:
        run = self.run(backbone)
        clicks = [train_epoch(run, 1)[2]["click"]]
        while clicks[-1] > clicks[0] - 0.02 and len(clicks) < 30:
            clicks.append(train_epoch(run, len(clicks) + 1)[2]["click"])
        assert all(0 < click < 2 for click in clicks)
        assert clicks[-1] <= clicks[0] - 0.02

    def test_it_trains_on_inputs_without_a_history(self, backbone: str) -> None:
        run = self.run(backbone, data=DATA.model_copy(update={"history_length": 0}))
        assert next(run.feed.batches(run.feed.epoch(0, 1), 256)).history.numel() == 0
        assert 0 < train_epoch(run, 1)[2]["click"] < 2
        assert all(parameter.isfinite().all() for parameter in run.backbone.parameters())

    def test_every_trainable_parameter_receives_a_gradient(self, backbone: str) -> None:
        assert not without_gradient(self.run(backbone))

    def test_the_same_seed_gives_the_same_bits_and_another_does_not(self, backbone: str) -> None:
        def weights(seed: int) -> torch.Tensor:
            run = self.run(backbone, seed=seed)
            train_epoch(run, 1)
            return torch.cat([p.flatten() for p in run.backbone.parameters()])

        first = weights(0)
        assert torch.equal(first, weights(0))
        assert not torch.equal(first, weights(1))

    def test_it_starts_from_the_same_backbone_as_plain(self, backbone: str) -> None:
        plain, own = start(backbone, "plain", dataset("small")), self.run(backbone)
        for a, b in zip(plain.backbone.parameters(), own.backbone.parameters(), strict=True):
            assert torch.equal(a, b)

    def test_what_is_saved_is_what_is_loaded(self, backbone: str) -> None:
        run, fresh = self.run(backbone), self.run(backbone, seed=1)
        train_epoch(run, 1)
        fresh.restore(run.checkpoint())
        fresh.seed = 0
        train_epoch(run, 2)
        train_epoch(fresh, 2)
        for one, other in ((run.backbone, fresh.backbone), (run.method, fresh.method)):
            for a, b in zip(one.parameters(), other.parameters(), strict=True):
                assert torch.equal(a, b)

    @pytest.mark.parametrize("data", [TWO_TASKS, FUNNEL], ids=["conversion after a click", "both over all rows"])
    def test_it_trains_two_tasks_with_a_loss_for_each(self, backbone: str, data: DataSettings) -> None:
        run = self.run(backbone, prepared=dataset("orders"), data=data)
        assert not without_gradient(run)
        _, total, parts = train_epoch(run, 1)
        assert 0 < parts["click"] < 2
        assert 0 < parts["conversion"] < 2
        assert total > min(parts["click"], parts["conversion"])
