"""Algorithms as a user's file has them: state of all kinds and a stream of its own; points of the plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigan import backend, nn, optim
from minigan import functions as F
from minigan.algorithms import Algorithm, as_border
from minigan.data import ArrayDataset


@dataclass(eq=False)
class Balanced(Algorithm):
    """As BEGAN, with a pool of earlier fakes, on images 8×8. State: a number, an array, a Tensor.

    In every third step it has one figure more.
    """

    image_size = 8
    gamma: float = 0.7
    lr: float = 0.01

    def setup(self, data):
        image = nn.Reshape(1, 8, 8)
        G = nn.Sequential(nn.Dense(4, 16), nn.BatchNorm(16), nn.ReLU(), nn.Dense(16, 64), nn.Tanh(), image)
        D = nn.Sequential(nn.Flatten(), nn.Dense(64, 8), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Dense(8, 64), image)
        self.networks = {"G": G, "D": D}
        self.optimizers = {name: optim.Adam(net.parameters(), self.lr) for name, net in self.networks.items()}
        pool = backend.to_device(np.zeros((5, 1, 8, 8), "float32"), self.device)
        self.state = {"k": 0.1, "pool": pool, "mean": self.tensor(np.zeros((8, 8), "float32"))}

    def step(self, batches):
        (batch, state), (G, D) = (next(batches), self.state), self.networks.values()
        fake = G(self.normal(batch, 4))
        chosen = self.rng("pool").integers(5, size=len(batch))  # which earlier fakes D sees too
        earlier = self.tensor(state["pool"][chosen])
        state["pool"] = state["pool"].copy()
        state["pool"][chosen[:1]] = fake.data[:1]
        state["mean"] = state["mean"].detach() * 0.9 + batch.x.mean(axis=(0, 1)) * 0.1

        loss_x = self.error(batch.x - state["mean"])
        loss_D = self.name_loss("loss_D", loss_x - state["k"] * (self.error(fake.detach()) + self.error(earlier)))
        D.zero_grad()
        loss_D.backward()
        self.optimizers["D"].step()

        border = as_border(fake)
        with nn.frozen(D):
            loss_G = self.name_loss("loss_G", self.error(border))
        loss_G.backward()
        G.zero_grad()
        fake.backward(border.grad)
        self.optimizers["G"].step()
        state["k"] = min(1.0, max(0.0, state["k"] + 0.3 * (self.gamma * loss_x.item() - loss_G.item())))
        figures = {"k": state["k"], "loss_D": loss_D, "loss_G": loss_G}
        step = self.optimizers["G"].step_count
        return figures | ({"rare": float(step)} if step % 3 == 0 else {})

    def error(self, images):
        return F.mean(F.abs(images - self.networks["D"](images)))

    def sample(self, n, rng):
        return self.networks["G"](self.tensor(rng.standard_normal((n, 4), "float32")))


@dataclass(eq=False)
class Points(Algorithm):
    """Points of the plane: its own data, two generators one after the other, and a name for a figure."""

    averaged = ("G", "H")
    figure_labels = {"spread": "σ"}
    per_step: int = 1

    def setup(self, data):
        (n,) = data.shapes["x"]
        self.networks = {"G": nn.Dense(3, 4), "H": nn.Dense(4, n), "D": nn.Dense(n, 1)}
        self.optimizers = {name: optim.SGD(net.parameters(), 0.05) for name, net in self.networks.items()}

    @property
    def batches_per_step(self):
        return self.per_step

    def step(self, batches):
        x = F.concatenate([next(batches).x for _ in range(self.per_step)])
        fake = self.sample(len(x), self.rng("noise"))
        G, H, D = self.networks.values()
        loss_D = self.name_loss("loss_D", F.mean(F.softplus(-D(x))) + F.mean(F.softplus(D(fake.detach()))))
        D.zero_grad()
        loss_D.backward()
        with nn.frozen(D):
            loss_G = self.name_loss("loss_G", F.mean(F.softplus(-D(fake))))
        G.zero_grad(), H.zero_grad()
        loss_G.backward()
        for optimizer in self.optimizers.values():
            optimizer.step()
        return {"spread": F.mean(fake**2), "loss_D": loss_D, "loss_G": loss_G}

    def sample(self, n, rng):
        G, H, _ = self.networks.values()
        return H(G(self.tensor(rng.standard_normal((n, 3), "float32"))))

    def load_data(self, spec, channels):
        points = np.random.default_rng(0).standard_normal((40, 2 if spec == "plane" else 5)).astype("float32")
        return ArrayDataset({"x": points}, spec, f"40 points, {spec}")


@dataclass(eq=False)
class Silent(Points):
    """Says nothing of its steps."""

    def step(self, batches):
        super().step(batches)
        return {}
