"""Optimisers, learning-rate schedules, and the clipping of gradients."""

from minigan.optim import lr_scheduler
from minigan.optim.clip_grad import clip_grad_norm_
from minigan.optim.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from minigan.renamed import renamed_in

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "clip_grad_norm_", "lr_scheduler"]

__getattr__ = renamed_in(__name__)  # names of other frameworks
