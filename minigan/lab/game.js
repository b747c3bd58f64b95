/* The state of the lab: what was chosen, the two networks, and what became of them.

   A state is told by what was chosen at the start, by the changes since then, each with the step it came at, and by the
   number of steps; all random numbers come from the seed. That is what the address holds. */

const DEFAULTS = {
  data: "ring", objective: "non-saturating", optimizer: "adam", lrG: 0.001, lrD: 0.001, beta1: 0.5, critic: 1, clip: 0.1,
  penalty: 1, batch: 64, widthG: 32, widthD: 32, depth: 2, activation: "leaky_relu", seed: 1, turns: "both",
};
const MISTAKES = ["attached", "unfrozen", "stale", "yesno", "swapped"];
const RESTARTS = ["data", "widthG", "widthD", "depth", "activation", "seed"]; // these make new networks
const SHOWN = 256; // fakes of fixed noise that are shown and scored
const REFERENCE = 400; // real points that they are compared with

/* chosen: options, and mistakes by name, where they are not the usual. */
function newGame(chosen, drawn = []) {
  const options = { ...DEFAULTS, mistakes: {} };
  for (const [name, value] of Object.entries(chosen)) choose(options, name, value);
  const set = pointSet(options.data, drawn);
  const weights = randomStream(options.seed, "weights"), hidden = (width) => Array(options.depth).fill(width);
  const dims = set.dims;
  const G = network([dims, ...hidden(options.widthG), dims], options.activation, weights.normal, 0.1); // a small cloud in the middle
  const D = network([dims, ...hidden(options.widthD), 1], options.activation, weights.normal);
  const streams = Object.fromEntries(["points", "noise", "epsilon"].map((name) => [name, randomStream(options.seed, name)]));
  return {
    options, set, drawn, G, D, streams, optimizers: { G: optimizer(G), D: optimizer(D) }, last: {}, steps: 0, chosen: { ...chosen }, history: [],
    shown: filled(SHOWN, dims, randomStream(options.seed, "shown").normal),
    reals: drawPoints(set, REFERENCE, randomStream(options.seed, "reference")),
  };
}

function choose(options, name, value) {
  if (MISTAKES.includes(name)) options.mistakes[name] = value;
  else options[name] = value;
}

/* Change a choice while it runs; the history keeps at which step. */
function change(game, name, value) {
  choose(game.options, name, value);
  if (game.steps === 0) { game.chosen[name] = value; return; }
  game.history = game.history.filter(([step, other]) => step < game.steps || other !== name);
  const before = game.history.findLast(([, other]) => other === name)?.[2] ?? game.chosen[name] ?? DEFAULTS[name] ?? false;
  if (value !== before) game.history.push([game.steps, name, value]);
}

/* The frames of the next step: of both players, or of one. */
function nextStep(game) {
  const turn = { both: trainingStep, D: onlyD, G: onlyG }[game.options.turns];
  return turn(game, () => drawBatch(game));
}

function makeStep(game) {
  run(nextStep(game));
  game.steps += 1;
}

/* A batch: real points, noise, and ε for the penalty. */
function drawBatch(game) {
  const { options: { batch }, set, streams } = game;
  return {
    x: drawPoints(set, batch, streams.points), z: filled(batch, set.dims, streams.noise.normal),
    epsilon: OBJECTIVES[game.options.objective].penalizes ? Array.from({ length: batch }, streams.epsilon.uniform) : null,
  };
}

/* What is shown of the fakes of fixed noise, with the networks as they are now.
   border: ∂L_G/∂G(z), computed as in G's turn; intoG: what G is given, the same but for a mistake; arrows: −N ∂L_G/∂G(z);
   factor, slope: means of N |∂L_G/∂l| and ‖∂l/∂G(z)‖, of D's yes or no, 1 or −1, where it gives no l; real, fake: means of D's answers; then the score. */
function look(game) {
  const { G, D, options } = game, objective = OBJECTIVES[options.objective], n = game.shown.rows;
  const fakes = outputOf(forward(G, game.shown)), values = forward(D, fakes), logits = outputOf(values);
  const { d } = objective.G(options.mistakes.yesno ? verdicts(logits) : logits), ofLogits = slopes(D, values).v[0];
  const factor = mean(Array.from(d.data, (v) => n * Math.abs(v)));
  if (options.mistakes.yesno) { ofLogits.data.fill(0); d.data.fill(0); } // a verdict's slope is 0: so is what comes back through it
  const border = backward(D, values, d, null);
  let intoG = border;
  if (options.mistakes.attached) {
    const { d: leak } = (options.mistakes.swapped ? objective.real : objective.fake)(logits), more = backward(D, values, leak, null);
    intoG = matrix(n, border.columns, border.data.map((v, k) => v + more.data[k]));
  }
  const answers = (l) => mean(Array.from(l.data, objective.answer));
  return {
    fakes, border, intoG, arrows: matrix(n, border.columns, intoG.data.map((v) => -n * v)),
    factor, slope: mean(rowsOf(ofLogits).map((row) => Math.hypot(...row))),
    real: answers(outputOf(forward(D, game.reals))), fake: answers(logits), ...score(game.set, fakes, game.reals),
  };
}

/* The numbers of the curves: the losses are the last step's, the others of what is shown. */
function figures(game, seen) {
  const { lossD = NaN, lossG = NaN } = game.last, { real, fake, good, covered, of } = seen;
  return { step: game.steps, lossD, lossG, border: norm(seen.border.data), real, fake, good, covered: covered / of };
}
