"""Algorithms as users write them, for images of 8×8: one with a balance, one with four networks, one asking D once."""

from __future__ import annotations

from dataclasses import dataclass

from minigan import functions as F
from minigan import nn, optim
from minigan.algorithms import Algorithm, as_border
from minigan.autograd import Tensor

PIXELS, Z = 64, 4


def generator(inputs: int = Z) -> nn.Sequential:
    return nn.Sequential(
        nn.Dense(inputs, 16, bias=False), nn.BatchNorm(16), nn.ReLU(),
        nn.Dense(16, PIXELS), nn.Tanh(), nn.Reshape(1, 8, 8),
    )  # fmt: skip


@dataclass(eq=False)
class BEGAN(Algorithm):
    """D is an autoencoder, and k, kept from step to step, balances what it learns from reals and fakes."""

    lr: float = 0.01
    gamma: float = 0.7

    def setup(self, data):
        layers = nn.Flatten(), nn.Dense(PIXELS, 6), nn.LeakyReLU(0.2), nn.Dense(6, PIXELS), nn.Reshape(1, 8, 8)
        self.networks = {"G": generator(), "D": nn.Sequential(*layers)}
        self.optimizers = {name: optim.Adam(net.parameters(), self.lr) for name, net in self.networks.items()}
        self.state = {"k": Tensor(0.3)}

    def step(self, batches):
        G, D, k = self.networks["G"], self.networks["D"], self.state["k"]
        batch = next(batches)
        fake = G(self.normal(batch, Z))
        loss_x, loss_fake = self.error(batch.x), self.error(fake.detach())
        loss_D = self.name_loss("loss_D", loss_x - k * loss_fake)
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

        k = k + 0.1 * self.mean_over_processes(self.gamma * loss_x - loss_G)
        self.state["k"] = F.maximum(F.minimum(k, k * 0.0 + 1.0), k * 0.0)
        return {"loss_D": loss_D, "loss_G": loss_G, "k": self.state["k"]}

    def error(self, images):
        return F.mean(F.abs(images - self.networks["D"](images)))

    def sample(self, n, rng):
        return self.networks["G"](self.tensor(rng.standard_normal((n, Z), "float32")))


@dataclass(eq=False)
class InfoGAN(Algorithm):
    """G and Q share a loss: Q reads the code that G was given off its image. D and Q have a body in common."""

    lr: float = 0.01

    def setup(self, data):
        body = nn.Sequential(nn.Flatten(), nn.Dense(PIXELS, 12), nn.LeakyReLU(0.2))
        self.networks = {"G": generator(Z + 3), "body": body, "D": nn.Dense(12, 1), "Q": nn.Dense(12, 3)}
        parts = {"D": ("body", "D"), "G": ("G", "Q")}
        self.optimizers = {
            name: optim.Adam([p for part in of for p in self.networks[part].parameters()], self.lr)
            for name, of in parts.items()
        }

    def step(self, batches):
        G, body, D, Q = self.networks.values()
        batch = next(batches)
        uniform, normal = self.uniform(batch, 2, stream="code"), self.normal(batch, 1, stream="style")
        code = F.concatenate([uniform * 2.0 - 1.0, normal], 1)
        fake = G(F.concatenate([self.normal(batch, Z), code], 1))
        real_logits, fake_logits = D(body(batch.x)), D(body(fake.detach()))
        loss_D = self.name_loss("loss_D", F.mean(F.softplus(-real_logits)) + F.mean(F.softplus(fake_logits)))
        self.optimizers["D"].zero_grad()
        loss_D.backward()
        self.optimizers["D"].step()

        with nn.frozen(body), nn.frozen(D):
            features = body(fake)
            information = F.mse_loss(Q(features), code)
            loss_G = self.name_loss("loss_G", F.mean(F.softplus(-D(features))) + information)
        self.optimizers["G"].zero_grad()
        loss_G.backward()
        self.optimizers["G"].step()
        return {"loss_D": loss_D, "loss_G": loss_G, "information": information}

    def sample(self, n, rng):
        return self.networks["G"](self.tensor(rng.standard_normal((n, Z + 3), "float32")))


@dataclass(eq=False)
class Joined(Algorithm):
    """D, with dropout, is asked once about reals and fakes in one array."""

    lr: float = 0.01

    def setup(self, data):
        D = nn.Sequential(nn.Flatten(), nn.Dense(PIXELS, 8), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Dense(8, 1))
        self.networks = {"G": generator(), "D": D}
        self.optimizers = {name: optim.Adam(net.parameters(), self.lr) for name, net in self.networks.items()}

    def step(self, batches):
        G, D = self.networks["G"], self.networks["D"]
        batch = next(batches)
        fake, n = G(self.normal(batch, Z)), len(batch)
        logits = D(F.concatenate([batch.x, fake.detach()], 0))
        loss_D = F.mean(F.softplus(-logits[:n])) + F.mean(F.softplus(logits[n:]))
        D.zero_grad()
        loss_D.backward()
        self.optimizers["D"].step()
        with nn.frozen(D):
            loss_G = F.mean(F.softplus(-D(fake)))
        G.zero_grad()
        loss_G.backward()
        self.optimizers["G"].step()
        return {"loss_D": loss_D, "loss_G": loss_G}

    def sample(self, n, rng):
        return self.networks["G"](self.tensor(rng.standard_normal((n, Z), "float32")))
