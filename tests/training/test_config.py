"""Configurations: what makes no sense is refused, in a sentence with the name, the value and what is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minigan.models import MODELS
from minigan.training import Config, ConfigError

WRONG = [
    ("model", "gan"), ("model", 3), ("model", ["mlp"]), ("objective", "wgan"), ("algorithm", "both"), ("algorithm", 3),
    ("algorithm", "mine.txt:GAN"), ("recipe", "gan"), ("recipe", 3), ("optimizer", "lion"), ("optimizer", None),
    ("data", ""), ("data", 5), ("channels", 2), ("channels", True), ("channels", "1"), ("channels", 1.0),
    ("epochs", 0), ("epochs", -1), ("epochs", "ten"), ("epochs", 2.0), ("epochs", True), ("epochs", None),
    ("batch_size", 1), ("batch_size", "64"), ("batch_size", True), ("grid", 0), ("checkpoint_every", 0),
    ("seed", -1), ("seed", 1.5), ("seed", False), ("seed", None),
    ("lr_G", 0), ("lr_D", -1e-3), ("lr_G", "fast"), ("lr_D", float("inf")), ("lr_G", float("nan")), ("lr_D", True),
    ("eps", 0), ("betas", [0.5, 0.9, 0.99]), ("betas", [0.5]), ("betas", 0.5), ("betas", "ab"), ("betas", [0.5, 1]),
    ("betas", [-0.1, 0.9]), ("betas", ["a", 0.9]), ("betas", [True, 0.9]), ("betas", None), ("betas", {"a": 1}),
    ("ema_decay", 1), ("ema_decay", -0.1), ("ema_decay", "much"), ("ema_decay", float("nan")), ("ema_decay", True),
    ("epsilon_hat", "no"), ("epsilon_hat", 1), ("device", "tpu"), ("device", 0), ("device", "gpu:x"), ("device", None),
    ("tf32", 1), ("tf32", None), ("steps", 0), ("steps", 1.0), ("steps", True), ("evaluate_every", -1),
    ("metrics", ["fid of mine"]), ("metrics", "sliced_wasserstein"), ("metrics", [["a"]]), ("n_critic", 0),
    ("n_critic", True), ("weight_clip", -0.1), ("weight_clip", float("inf")), ("penalties", ["r2"]),
    ("penalties", "gradient"), ("penalties", ["gradient:0"]), ("penalties", ["r1:much"]), ("penalties", [1]),
    ("sync_batch_norm", "yes"), ("size", 0), ("size", 48), ("size", "64"), ("size", True), ("size", 64.0),
    ("value_range", [1, 0]), ("value_range", 5), ("value_range", [0, 1, 2]), ("value_range", ["a", "b"]),
    ("value_range", [0, True]), ("value_range", [float("nan"), 1]), ("key", ""), ("key", 3), ("skip_broken", 1),
    ("flip", "yes"), ("max_bytes", "4G"), ("max_bytes", 0), ("max_bytes", 1.5), ("init_from", ""), ("init_from", 1),
]  # fmt: skip


@pytest.mark.parametrize("name, value", WRONG)
def test_a_wrong_value_is_named_with_what_is_needed(name, value, tmp_path):
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps({name: value}))
    with pytest.raises(ConfigError) as caught:
        Config.load(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: {name} ") and repr(value) in message and "\n" not in message
    assert "must be" in message or "choose from" in message


@pytest.mark.parametrize(
    "content, says",
    [
        (b"{", "not JSON"),
        (b"[1, 2]", "must be a JSON object, not list"),
        (b'"x"', "must be a JSON object, not str"),
        (b'{"epoch": 3}', "epoch: no such choice; the choices are recipe, algorithm, data"),
        (b"\xff\xfe", "codec can't decode"),
        (b"[" * 100_000, "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(content, says, tmp_path):
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        Config.load(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*none\.json: No such file"):
        Config.load(tmp_path / "none.json")


@pytest.mark.parametrize("model", MODELS)
def test_what_is_written_is_read_again(model, tmp_path):
    config = Config.for_model(
        model, seed=2**80, betas=(0.1, 0.2), channels=3, lr_G=1 / 3, tf32=True, steps=7,
        penalties=("drift:0.1",), metrics=("sliced_wasserstein",),
    )  # fmt: skip
    assert Config.from_json(config.to_json()) == config
    (tmp_path / "c.json").write_text(config.to_json())
    assert Config.load(tmp_path / "c.json") == config


def test_choices_go_on_top_of_the_file_and_the_file_on_top_of_the_models_defaults(tmp_path):
    file = tmp_path / "c.json"
    file.write_text('{"epochs": 3, "seed": 7}')
    assert Config.load(file, seed=8) == Config.for_model("quick28", epochs=3, seed=8)
    # Another model brings its own defaults along, not quick28's.
    assert Config.load(file, model="dcgan28") == Config.for_model("dcgan28", epochs=3, seed=7)


def test_every_models_defaults_can_be_had():
    for model in MODELS:
        config = Config.for_model(model)
        assert config.name == config.options["model"] == model and config.recipe is None


def test_one_rate_stands_for_both_unless_one_is_named_and_layers_go_on_top_of_each_other():
    def rates(*layers):
        options = Config.choose({"model": "dcgan28"}, *layers).options
        return options["lr_G"], options["lr_D"]

    own = rates()
    assert own == (MODELS["dcgan28"].DEFAULTS["lr_G"], MODELS["dcgan28"].DEFAULTS["lr_D"])
    assert rates({"lr": 0.1}) == (0.1, 0.1)
    assert rates({"lr": 0.1, "lr_D": 0.2}) == rates({"lr_D": 0.2, "lr": 0.1}) == (0.1, 0.2)
    assert rates({"lr_D": 0.2}, {"lr": 0.1}) == (0.1, 0.1) and rates({"lr": 0.1}, {"lr_D": 0.2}) == (0.1, 0.2)
    assert rates({"lr_D": 0.2}) == (own[0], 0.2)


def test_an_algorithm_of_ones_own_has_its_own_options_and_no_others():
    mine = f"{Path(__file__).with_name('user_gans.py')}:Balanced"
    config = Config.choose(algorithm=mine, gamma=0.25, epochs=3)
    assert (config.options, config.epochs, config.name) == ({"gamma": 0.25, "lr": 0.01}, 3, "Balanced")
    assert Config.from_json(config.to_json()) == config
    assert config.make_algorithm().gamma == 0.25 and config.with_choices(gamma=1.0).options["gamma"] == 1.0
    with pytest.raises(ConfigError, match="^objective: no such choice; the choices are recipe, .*, gamma, lr$"):
        Config.choose(algorithm=mine, objective="hinge")
    with pytest.raises(ConfigError, match="^gamma: no such choice"):
        Config.choose(gamma=0.25)


def test_the_configuration_of_a_run_of_minigan_0_1():
    older = {"model": "mlp", "step": "simultaneous", "averaging": 0.5, "lr_G": 0.1, "objective": "minimax"}
    config = Config.from_json(json.dumps(older))
    assert config == Config.for_model("mlp", algorithm="simultaneous-gan", ema_decay=0.5, lr_G=0.1, objective="minimax")
    assert Config.from_json(json.dumps(older | {"step": "alternating"})).algorithm == "gan"


def test_tf32_is_off_unless_chosen_in_an_older_runs_configuration_too():
    assert not Config().tf32
    older = json.loads(Config(epochs=3).to_json())
    del older["tf32"]
    assert Config.from_json(json.dumps(older)) == Config(epochs=3)
