/* The state of the lab: what was chosen, the two networks, and what became of them.

   A state is told by what was chosen at the start, by the changes since then, each with the step it came at, and by the
   number of steps; all random numbers come from the seed. That is what the address holds. */

const DEFAULTS = {
  data: "ring", objective: "non-saturating", optimizer: "adam", lrG: 0.001, lrD: 0.001, beta1: 0.5, critic: 1, clip: 0.1,
  penalty: 1, batch: 128, widthG: 32, widthD: 32, depth: 2, activation: "leaky_relu", seed: 1,
};
const MISTAKES = ["attached", "unfrozen", "stale", "yesno", "swapped"];
const RESTARTS = ["data", "widthG", "widthD", "depth", "activation", "seed"]; // these make new networks
const SHOWN = 256; // fakes of fixed noise that are shown and scored
const REFERENCE = 400; // real points that they are compared with

function newGame(chosen, drawn = []) {
  const options = { ...DEFAULTS, mistakes: {}, ...chosen }, set = pointSet(options.data, drawn);
  const weights = randomStream(options.seed, "weights"), hidden = (width) => Array(options.depth).fill(width);
  const dims = set.dims;
  const G = network([dims, ...hidden(options.widthG), dims], options.activation, weights.normal);
  const D = network([dims, ...hidden(options.widthD), 1], options.activation, weights.normal);
  const streams = Object.fromEntries(["points", "noise", "epsilon"].map((name) => [name, randomStream(options.seed, name)]));
  return {
    options, set, drawn, G, D, streams, optimizers: { G: optimizer(G), D: optimizer(D) }, last: {}, steps: 0, history: [],
    shown: filled(SHOWN, dims, randomStream(options.seed, "shown").normal),
    reals: drawPoints(set, REFERENCE, randomStream(options.seed, "reference")),
  };
}

/* A batch: real points, noise, and ε for the penalty. */
function drawBatch(game) {
  const { options: { batch }, set, streams } = game;
  return {
    x: drawPoints(set, batch, streams.points), z: filled(batch, set.dims, streams.noise.normal),
    epsilon: OBJECTIVES[game.options.objective].penalizes ? Array.from({ length: batch }, streams.epsilon.uniform) : null,
  };
}

/* What is shown of the fakes of fixed noise: where they are, which way each is sent, and how good they are.
   arrows: −N ∂L_G/∂G(z), of each fake by itself, computed as in G's turn. */
function look(game) {
  const { G, D, options } = game, fakes = outputOf(forward(G, game.shown)), values = forward(D, fakes);
  const { d } = OBJECTIVES[options.objective].G(outputOf(values));
  if (options.mistakes.yesno) d.data.fill(0);
  const arrows = backward(D, values, d, null);
  for (let k = 0; k < arrows.data.length; k++) arrows.data[k] *= -fakes.rows;
  return { fakes, arrows, ...score(game.set, fakes, game.reals) };
}

/* The numbers of the last step, for the curves. */
function figures(game) {
  const { last, options } = game, { answer } = OBJECTIVES[options.objective];
  const meanAnswer = (logits) => (logits ? mean(Array.from(logits.data, answer)) : NaN);
  return {
    step: game.steps, lossD: last.lossD ?? NaN, lossG: last.lossG ?? NaN, border: last.border ? norm(last.border.data) : NaN,
    real: meanAnswer(last.realLogits), fake: meanAnswer(last.fakeLogits ?? last.logitsG),
  };
}
