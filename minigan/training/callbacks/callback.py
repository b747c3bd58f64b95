"""`Callback`: what happens at the moments of a run beside training itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from minigan.autograd import Tensor

if TYPE_CHECKING:
    from minigan.training.trainer import Trainer


class Callback:
    """Base of all callbacks; each method does nothing here. The trainer calls its callbacks in their order.

    A trainer has `algorithm`, `loader`, `config`, `run_dir`, `process_group`, and `step`: how many steps were taken.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step of this process; trainer.step is 0 unless the run was resumed."""

    def around_step(self, trainer: Trainer) -> AbstractContextManager | None:
        """A context in which the next step is taken, if one is wanted."""

    def on_step(self, trainer: Trainer, figures: dict[str, Tensor]) -> None:
        """After a step, which trainer.step counts already. Figures lie on the device."""

    def on_epoch(self, trainer: Trainer) -> None:
        """After the last step of an epoch; trainer.closed_epochs counts it already."""

    def on_stop(self, trainer: Trainer) -> None:
        """At the end: after the last step, or as the user stopped the run."""

    def on_error(self, trainer: Trainer, error: Exception) -> Exception | None:
        """An error ends the run: a better one to raise in its place, if there is one."""

    def state_dict(self) -> dict[str, Any]:
        """What must be in a checkpoint, by names that no other part of the run uses."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it over from the state of a whole run."""
