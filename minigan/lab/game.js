/* The state of the lab: what was chosen, the two networks, and what became of them.

   A state is told by what was chosen at the start, by the changes since then, each with the step it came at, and by the
   number of steps; all random numbers come from the seed. That is what the address holds. The reader's own points are
   `begun` at the start and `drawn` now; those that came or went between stand among the changes. */

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
    options, set, drawn, begun: drawn, G, D, streams, optimizers: { G: optimizer(G), D: optimizer(D) }, last: {}, steps: 0, chosen: { ...chosen }, history: [],
    shown: filled(SHOWN, dims, randomStream(options.seed, "shown").normal),
    reals: referenceOf(set, options.seed),
  };
}

/* The real points that are shown: none where none is drawn. */
const referenceOf = (set, seed) => drawPoints(set, set.point ? REFERENCE : 0, randomStream(seed, "reference"));

/* Without a real point there is nothing to learn. */
const canLearn = (game) => !!game.set.point;

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

/* Points of the reader's own are added ("add") or taken away ("drop"): the networks stay as they are. */
function changePoints(game, name, points) {
  if (game.options.data !== "drawn") return;
  const before = game.drawn, among = (some, [x, y]) => some.some(([a, b]) => a === x && b === y);
  if (name === "add") game.drawn = [...before, ...points.filter((point, k) => !among([...before, ...points.slice(0, k)], point))].slice(0, MOST_DRAWN);
  else game.drawn = before.filter((point) => !among(points, point));
  if (game.drawn.length === before.length) return;
  game.set = pointSet("drawn", game.drawn);
  game.reals = referenceOf(game.set, game.options.seed);
  if (game.steps === 0) { game.begun = game.drawn; return; }
  const [step, other, some] = game.history.at(-1) ?? [];
  if (step === game.steps && other === name) game.history = [...game.history.slice(0, -1), [step, name, [...some, ...points]]];
  else game.history.push([game.steps, name, points]);
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

/* Whether the last step made something that is no number, or an infinite one. */
const brokenStep = ({ last }) => [last.lossD, last.movedD, last.lossG, last.movedG].some((v) => v !== undefined && !Number.isFinite(v));

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
  const { d } = objective.G(options.mistakes.yesno ? verdicts(logits) : logits), factor = factorOf(d);
  if (options.mistakes.yesno) d.data.fill(0); // a verdict's slope is 0: so is what comes back through it
  const border = backward(D, values, d, null);
  let intoG = border;
  if (options.mistakes.attached) {
    const { d: leak } = (options.mistakes.swapped ? objective.real : objective.fake)(logits), more = backward(D, values, leak, null);
    intoG = matrix(n, border.columns, border.data.map((v, k) => v + more.data[k]));
  }
  const answers = (l) => mean(Array.from(l.data, objective.answer));
  return {
    fakes, border, intoG, arrows: matrix(n, border.columns, intoG.data.map((v) => -n * v)),
    factor, slope: options.mistakes.yesno ? 0 : slopeOf(D, values),
    real: answers(outputOf(forward(D, game.reals))), fake: answers(logits), ...(canLearn(game) ? score(game.set, fakes, game.reals) : { good: 0, covered: 0, of: 1 }),
  };
}

/* The two factors of a fake's gradient, as means over the fakes: N |∂L_G/∂l|, and ‖∂l/∂G(z)‖. */
const factorOf = (d) => mean(Array.from(d.data, (v) => d.rows * Math.abs(v)));
function slopeOf(D, values) {
  const { rows, columns, data } = slopes(D, values).v[0];
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += norm(data.subarray(i * columns, (i + 1) * columns));
  return sum / rows;
}

/* The numbers of the curves: the losses are the last step's, the others of what is shown. What no curve can show is NaN. */
function figures(game, seen) {
  const { lossD = NaN, lossG = NaN } = game.last, { real, fake, good, covered, of } = seen;
  const numbers = { step: game.steps, lossD, lossG, border: norm(seen.border.data), real, fake, good, covered: covered / of };
  return Object.fromEntries(Object.entries(numbers).map(([name, v]) => [name, Math.abs(v) < 1e12 ? v : NaN]));
}
