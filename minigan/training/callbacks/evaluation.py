"""Scores of samples as a run goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from minigan.algorithms import Algorithm, State
from minigan.algorithms.samples import generate_labelled
from minigan.formatting import one_line
from minigan.metrics.registry import METRICS, applicable_metrics, better, score
from minigan.metrics.sample_set import Reference, SampleSet, reference
from minigan.options import ConfigError
from minigan.training.status import finite, update_status
from minigan.training.trainer import Callback, Trainer

SAMPLES = 2000  # drawn for a score, and as many real ones beside them


class Evaluation(Callback):
    """Every few epochs, scores of fresh samples against the data, into stats.jsonl, the log and the terminal, beside
    those of other real samples. The samples' noise and the choice of real samples come from a stream of their own, the
    same each time. names: of scores; without any, those that fit and cost next to nothing. unasked: nobody asked for
    scores, so that those that cannot be computed are told once, and the run goes on without.
    improved_at: the step of the best samples so far, by the first score that has a better end."""

    def __init__(self, every: int, names: Sequence[str] = (), samples: int = SAMPLES, unasked: bool = False) -> None:
        self.every, self.names, self.samples, self.unasked = every, names, samples, unasked
        self.best: dict[str, float] = {}
        self.improved_at: int | None = None
        self.real: Reference | None = None
        self.of_real: dict[str, float] | None = None  # the scores of other real samples
        self.off = False

    def on_start(self, trainer: Trainer) -> None:
        """See that what was asked for can be computed, before the first step."""
        self._computed(trainer, self._check)

    def on_epoch(self, trainer: Trainer) -> None:
        if trainer.closed_epochs % self.every == 0 or trainer.finished:
            self._computed(trainer, self.score)

    def on_stop(self, trainer: Trainer) -> None:
        if trainer.finished and not trainer.at_epoch_end:  # the end is no epoch's
            self._computed(trainer, self.score)

    def _computed(self, trainer: Trainer, compute: Callable[[Trainer], object]) -> None:
        if self.off:
            return
        try:
            compute(trainer)
        except (BrokenPipeError, KeyboardInterrupt):
            raise
        except Exception as error:
            if not self.unasked:
                raise
            self.off = True
            trainer.say(f"no scores ({type(error).__name__}: {one_line(error)}): training goes on")

    def _check(self, trainer: Trainer) -> None:
        algorithm = trainer.algorithm
        if type(algorithm).sample is Algorithm.sample or "x" not in trainer.data.info.shapes:
            raise ConfigError(f"--evaluate-every: {type(algorithm).__name__} draws no samples to be scored")
        if len(trainer.data) < 2:
            raise ConfigError("--evaluate-every: two real samples or more are needed to compare with")
        if self.names:
            real = self._real(trainer)
            samples = SampleSet(*generate_labelled(algorithm, max(8, algorithm.classes)), real.extractor)
            for name in self.names:
                if not METRICS[name].fits(samples, real):
                    raise ConfigError(f"--metrics {name}: it cannot be computed of these samples as a run goes")

    def score(self, trainer: Trainer) -> dict[str, float]:
        """The scores now, said and written."""
        real = self._real(trainer)
        with trainer.ema.applied():
            x, labels = generate_labelled(trainer.algorithm, len(real), trainer.config.seed + 1)
        samples = SampleSet(x, labels, real.extractor)
        names = self.names or applicable_metrics(samples, real, training=True)
        scores = score(samples, real, names)
        if self.of_real is None:
            self.of_real = score(
                real.other_real, real, [name for name in names if METRICS[name].fits(real.other_real, real)]
            )
            update_status(trainer.run_dir, real_scores=finite(self.of_real))
        self._compare(scores, trainer.step)
        trainer.run_dir.add_line({"step": trainer.step, "epoch": trainer.closed_epochs, **scores})
        text = f"scores at step {trainer.step}  " + "  ".join(self._told(*each) for each in scores.items())
        trainer.run_dir.log(text)
        with suppress(BrokenPipeError):  # of whoever read it: the epoch's checkpoint is not written yet
            trainer.say(f"{text}  (of {len(real)} samples; in brackets, of real ones)")
        return scores

    def _real(self, trainer: Trainer) -> Reference:
        if self.real is None:
            self.real = reference(trainer.data, self.samples, trainer.config.seed)
        return self.real

    def _told(self, name: str, value: float) -> str:
        beside = f" ({self.of_real[name]:.3g})" if self.of_real and name in self.of_real else ""
        return f"{name} {value:.4g}{beside}"

    def _compare(self, scores: dict[str, float], step: int) -> None:
        """Whether these are the best so far."""
        name = next((name for name in scores if better(name)), None)
        if name is not None:
            last, value = self.best.get(name), scores[name]
            if last is None or (value < last if better(name) == "lower" else value > last):
                self.best, self.improved_at = {name: value}, step

    def state_dict(self) -> State:
        """The best score so far, which decides whether the next samples are better."""
        return {"evaluation.best": dict(self.best)}

    def load_state_dict(self, state: State) -> None:
        self.best = dict(state.get("evaluation.best", {}))  # a run may begin to be scored when it is resumed
