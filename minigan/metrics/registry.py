"""The scores by name: what each is, which way is better, and what samples it can be asked of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from minigan.data import Batch, DataError
from minigan.metrics.classification_accuracy import classification_accuracy
from minigan.metrics.frechet import frechet_distance
from minigan.metrics.histogram import class_histogram, conditional_accuracy, kl_divergence
from minigan.metrics.image_quality import sharpness
from minigan.metrics.kernel import kernel_distance
from minigan.metrics.manifold import density_coverage, precision_recall
from minigan.metrics.modes import modes_covered
from minigan.metrics.ndb import ndb
from minigan.metrics.neighbors import copied_share
from minigan.metrics.sample_set import Reference, SampleSet
from minigan.metrics.sliced_wasserstein import sliced_wasserstein

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Metric:
    """A score, or several that are computed together.

    score: of samples and real ones, a number or several by name. fits: whether it means anything of these; needs: what
    it asks for, in words. better: the names of its numbers, each with "lower" or "higher". when: it is computed if
    nobody names scores: "training" is also as a run goes, "evaluation" by `minigan evaluate`, "named" not at all, as it
    takes long.
    """

    score: Callable[[SampleSet, Reference], float | Scores]
    summary: str
    better: Mapping[str, str]
    fits: Callable[[SampleSet, Reference], bool] = lambda samples, real: True
    when: Literal["training", "evaluation", "named"] = "evaluation"
    needs: str = ""


def _kid(samples: SampleSet, real: Reference) -> float:
    least = min(len(samples), len(real))
    subsets = 1 if least <= 1000 else 100  # of all samples there is one
    return kernel_distance(samples.features, real.features, subsets, min(1000, least))


def _has_features(samples: SampleSet, real: Reference) -> bool:
    return real.extractor.name != "pixels" and len(real) > real.features.shape[1]


def _has_neighbours(samples: SampleSet, real: Reference) -> bool:
    """Distances of images' pixels say little; those of points do."""
    return len(samples) > 5 and (real.extractor.name != "pixels" or real.x.ndim == 2)


def _has_classes(samples: SampleSet, real: Reference) -> bool:
    return real.reads_labels


def _unseen(samples: SampleSet, real: Reference) -> bool:
    """Whether there are real samples that neither a network nor these samples know."""
    return real.held_out and samples is not real.other_real


def _labels(samples: SampleSet) -> np.ndarray:
    assert samples.labels is not None, "`fits` asks for them"
    return samples.labels


def _accuracy(samples: SampleSet, real: Reference) -> float:
    assert real.extractor.probabilities is not None, "`fits` asks for them"
    labels, known = _labels(samples), real.extractor.probabilities(real.features[:1]).shape[1] - 1
    if labels.dtype.kind in "iu" and not (labels.min() >= 0 and labels.max() <= known):
        found = f"labels from {labels.min()} to {labels.max()}"
        raise DataError(f"accuracy: samples have {found}, but the classifier knows 0 to {known}")
    return conditional_accuracy(samples.predicted, labels)


def _classes(samples: SampleSet, real: Reference) -> Scores:
    k = int(max(_labels(real).max(), samples.predicted.max(), real.predicted.max())) + 1
    p, q = class_histogram(samples.predicted, k), class_histogram(real.predicted, k)
    return {"rarest_class": float(p.min()), "class_kl": kl_divergence(p, q)}


def _modes(samples: SampleSet, real: Reference) -> Scores:
    assert real.centers is not None and real.sigma is not None, "`fits` asks for them"
    found = modes_covered(samples.x, real.centers, real.sigma)
    return {"modes": found.modes, "good_share": found.good, "modes_kl": found.kl}


def _copied(samples: SampleSet, real: Reference) -> float:
    training = real if real.training is None else real.training
    return copied_share(samples.features, training.features, real.other_real.features)


def _accuracy_of_a_classifier(samples: SampleSet, real: Reference) -> Scores:
    train, test = (Batch(x=each.x, y=each.labels) for each in (real, real.other_real))
    found = classification_accuracy(samples.x, _labels(samples), train, test)
    return {"trained_on_samples": found.samples, "trained_on_real": found.real}


_OF_FEATURES = "digits, or a feature function of yours, and more real samples than it has features"
_OF_NEIGHBOURS = "more than 5 samples: points, digits, or images with a feature function of yours"
METRICS: dict[str, Metric] = {
    "fid": Metric(
        lambda samples, real: frechet_distance(samples.features, real.features),
        "Fréchet distance of the features; falls with N, so compare at one N only", {"fid": "lower"}, _has_features,
        when="training", needs=_OF_FEATURES,
    ),
    "kid": Metric(
        _kid,
        "kernel distance of the features: 0 on average for equal distributions", {"kid": "lower"}, _has_features,
        needs=_OF_FEATURES,
    ),
    "precision_recall": Metric(
        lambda samples, real: precision_recall(samples.features, real.features)._asdict(),
        "share of samples among the real ones, and of the real ones among the samples",
        {"precision": "higher", "recall": "higher"}, _has_neighbours,
        when="training", needs=_OF_NEIGHBOURS,
    ),
    "density_coverage": Metric(
        lambda samples, real: density_coverage(samples.features, real.features)._asdict(),
        "how crowded real samples' neighbourhoods are, and how many are visited",
        {"density": "higher", "coverage": "higher"}, _has_neighbours, needs=_OF_NEIGHBOURS,
    ),
    "classes": Metric(
        _classes, "the rarest class' share, and how far the classes' shares are from the real ones'",
        {"rarest_class": "higher", "class_kl": "lower"}, _has_classes, when="training",
        needs="digits, which a classifier can read",
    ),
    "accuracy": Metric(
        _accuracy, "of a conditional model: share of samples that show what was asked for", {"accuracy": "higher"},
        lambda samples, real: real.reads_labels and samples.labels is not None, when="training",
        needs="digits, and the label that each sample was asked to show",
    ),
    "ndb": Metric(
        lambda samples, real: ndb(samples.x, real.x, real.bins).share,
        "share of 100 bins of pixels with too many samples or too few", {"ndb": "lower"},
        lambda samples, real: samples.x.ndim == 4 and len(real) >= 1000, needs="images, and 1,000 real ones or more",
    ),
    "copied": Metric(
        _copied, "share nearer to a training sample than 99 of 100 held-out real ones: 0.01 if nothing is copied",
        {"copied": "lower"}, lambda samples, real: _unseen(samples, real) and len(real.other_real) >= 100,
        needs="100 real samples or more that are held out from training",
    ),
    "sharpness": Metric(
        lambda samples, real: float(sharpness(samples.x).mean() / sharpness(real.x).mean()),
        "variance of the Laplacian, real samples' being 1", {"sharpness": ""}, lambda s, real: s.x.ndim == 4,
        needs="images",
    ),
    "modes": Metric(
        _modes,
        "modes with a good sample, share of good samples (within 3 sigma), KL of the modes' shares to uniform",
        {"modes": "higher", "good_share": "higher", "modes_kl": "lower"},
        lambda samples, real: real.centers is not None, when="training", needs="data whose modes are known: ring, grid",
    ),
    "sliced_wasserstein": Metric(
        lambda samples, real: sliced_wasserstein(samples.x, real.x),
        "sliced Wasserstein distance of the samples themselves", {"sliced_wasserstein": "lower"}, when="training",
    ),
    "classification_accuracy": Metric(
        _accuracy_of_a_classifier, "accuracy on real digits of a classifier that was trained on samples",
        {"trained_on_samples": "higher", "trained_on_real": ""},
        lambda samples, real: samples.labels is not None and real.reads_labels and _unseen(samples, real),
        when="named", needs="digits with labels, and real ones that are held out from training",
    ),
}  # fmt: skip


def applicable_metrics(samples: SampleSet, real: Reference, training: bool = False) -> list[str]:
    """The names of the scores that mean something of these samples. training: those that cost next to nothing."""
    times = ("training",) if training else ("training", "evaluation")
    return [name for name, metric in METRICS.items() if metric.when in times and metric.fits(samples, real)]


def score(samples: SampleSet, real: Reference, names: Iterable[str]) -> dict[str, float]:
    """The numbers of these scores, by name. Raises ValueError for one that does not fit."""
    found: dict[str, float] = {}
    for name in names:
        metric = METRICS[name]
        if not metric.fits(samples, real):
            raise ValueError(f"the score {name} cannot be computed of these samples: it needs {metric.needs}")
        value = metric.score(samples, real)
        found |= dict(value) if isinstance(value, Mapping) else {name: float(value)}
    return found


def better(name: str) -> str:
    """ "lower" or "higher", of a score's number; "" if neither is."""
    return next((m.better[name] for m in METRICS.values() if name in m.better), "")
