"""The names that fields of a trace had in version 1 of its format.

Old files are read with this table, and code that asks for an old name is told the new one.
"""

from __future__ import annotations

FIELDS = {
    "Trace": {"walks": "backward_passes", "backs": "layer_backwards", "crossings": "border_gradients"},
    "BackwardPass": {"backs": "layer_backwards"},
    "LayerBackward": {"walk": "backward_pass", "gradient_in": "grad_output", "gradients_out": "grad_inputs"},
    "BorderGradient": {"walk": "backward_pass"},
    "Frame": {
        "back": "layer_backward", "walk": "backward_pass", "crossing": "border_gradient",
        "gradient_in": "grad_output", "gradient_out": "grad_input",
    },
    "Comparison": {"surer": "logit_shift", "verdict": "real_probability", "border": "gradient"},
}  # fmt: skip

BORDER_KINDS = {"wall": "detached", "door": "carried", "open": "attached"}


def renamed(cls: str, fields: dict) -> dict:
    """The fields of an object in a file of version 1, by the names they have now."""
    names = FIELDS.get(cls, {})
    found = {names.get(name, name): value for name, value in fields.items()}
    if cls in ("Border", "BorderGradient"):
        found["kind"] = BORDER_KINDS[found["kind"]]
    return found
