"""Two scores that mislead. They are here to be shown doing so, and to be read in older tables."""

from __future__ import annotations

import numpy as np

from minigan.metrics.distances import squared_distances
from minigan.metrics.points import point_sets


def parzen_log_likelihood(samples: np.ndarray, test: np.ndarray, sigma: float) -> float:
    """Mean over test of log 1/N Σᵢ N(x; sᵢ, σ²I), in nats:  Gaussians of width σ around samples (N, …)
    test (M, …): real samples; images in [0, 1] for the published figures. It misleads: 10,000 real digits score about
    243, and 3,000 means of five neighbouring real digits, blurred as they are, 277. It measures whether points lie
    around the data on the scale of σ, not whether one of them looks real (Theis et al., 2016). The figure depends on
    σ, chosen by `parzen_sigma`, and on N; the range of values adds −d·log(scale). Goodfellow et al., 2014."""
    samples, test = point_sets("parzen_log_likelihood", samples=samples, test=test)
    if not sigma > 0:
        raise ValueError(f"parzen_log_likelihood: sigma must be above 0, not {sigma:g}")
    total = 0.0
    for _, d2 in squared_distances(test, samples):
        nearest = d2.min(1, keepdims=True)  # the largest term leaves the sum, or all would be 0
        d2 -= nearest
        d2 /= -2 * sigma**2
        total += float((np.log(np.exp(d2, out=d2).mean(1)) - nearest[:, 0] / (2 * sigma**2)).sum())
    return total / len(test) - test.shape[1] / 2 * float(np.log(2 * np.pi * sigma**2))


def parzen_sigma(samples: np.ndarray, validation: np.ndarray, sigmas: np.ndarray | None = None) -> float:
    """The σ with the highest `parzen_log_likelihood` of validation (M, …), real samples that are not the test's
    sigmas: those to try, ten from .1 to 1 if not given, as Goodfellow et al. did (np.logspace(-1, 0, 10))."""
    tried = np.logspace(-1, 0, 10) if sigmas is None else np.asarray(sigmas, "float64")
    if tried.ndim != 1 or not len(tried):
        raise ValueError(f"parzen_sigma: a list of one or more sigmas is needed, not {tried.shape}")
    return float(max(tried, key=lambda sigma: parzen_log_likelihood(samples, validation, float(sigma))))


def inception_score(probabilities: np.ndarray) -> float:
    """exp E KL(p(y|x) ‖ E p(y|x)),  probabilities (N, classes): what a classifier says of each sample; rows sum to 1
    1: it says the same of all; `classes`, the highest: it is sure of each, and all classes are as frequent. It
    misleads: the classifier never sees a real sample, so one image a class, repeated, has the highest score, above the
    data themselves, and so has noise it is sure about. Of no use between generators that have all classes
    (Barratt and Sharma, 2018). Salimans et al., 2016."""
    (p,) = point_sets("inception_score", probabilities=probabilities)
    if (p < 0).any() or (abs(p.sum(1) - 1) > 1e-3).any():
        raise ValueError("inception_score: every row must be probabilities that sum to 1; take the softmax of logits")
    mean = np.broadcast_to(p.mean(0), p.shape)
    there = p > 0
    return float(np.exp((p[there] * np.log(p[there] / mean[there])).sum() / len(p)))
