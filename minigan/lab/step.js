/* A training step: D's turn, `critic` times, then G's, as in minigan/algorithms/gan.py. A generator function: it stops at
   each frame, so that slow motion runs the same code as training does. What it computed stands in game.last.

   game: {G, D, optimizers: {G, D}, options, last}. draw(): {x, z, epsilon}, a batch of each. */

function* trainingStep(game, draw) {
  zeroGrad(game.G);
  for (let turn = 0; turn < game.options.critic; turn++) {
    yield* makeFakes(game, draw());
    yield* discriminatorTurn(game);
  }
  yield* generatorTurn(game);
}

function* onlyD(game, draw) {
  yield* makeFakes(game, draw());
  yield* discriminatorTurn(game);
  zeroGrad(game.G); // with detach off, D's turn has left something there
}

function* onlyG(game, draw) {
  zeroGrad(game.G);
  yield* makeFakes(game, draw());
  yield* generatorTurn(game);
}

function* makeFakes(game, batch) {
  game.last = { ...batch };
  yield "noise";
  game.last.made = forward(game.G, batch.z);
  game.last.fake = outputOf(game.last.made);
  yield "fakes";
}

function* discriminatorTurn(game) {
  const { D, options, last, optimizers } = game, objective = OBJECTIVES[options.objective], wrong = options.mistakes;
  const ofReal = forward(D, last.x), ofFake = forward(D, last.fake);
  Object.assign(last, { realLogits: outputOf(ofReal), fakeLogits: outputOf(ofFake), verdict: ofFake });
  yield "logits";
  const [real, fake] = wrong.swapped ? [objective.fake(last.realLogits), objective.real(last.fakeLogits)]
    : [objective.real(last.realLogits), objective.fake(last.fakeLogits)];
  last.lossD = real.loss + fake.loss;
  last.dReal = real.d;
  last.dFake = fake.d;
  yield "lossD";
  backward(D, ofReal, real.d, D.grads);
  const atFake = backward(D, ofFake, fake.d, D.grads);
  last.leak = null;
  if (wrong.attached) { // nothing cuts D's loss off from G
    last.leak = atFake;
    backward(game.G, last.made, atFake, game.G.grads);
  }
  last.penalty = objective.penalizes ? gradientPenalty(D, last.x, last.fake, last.epsilon, options.penalty, D.grads) : 0;
  last.lossD += last.penalty;
  last.normD = gradientNorm(D);
  yield "backD";
  last.movedD = optimize(optimizers.D, { ...options, lr: options.lrD });
  zeroGrad(D);
  if (objective.clips) clipWeights(D, options.clip);
  yield "updateD";
}

function* generatorTurn(game) {
  const { G, D, options, last, optimizers } = game, objective = OBJECTIVES[options.objective], wrong = options.mistakes;
  const values = wrong.stale && last.verdict ? last.verdict : forward(D, last.fake); // the D that has just learned
  last.logitsG = outputOf(values);
  yield "logitsG";
  last.answersG = wrong.yesno ? verdicts(last.logitsG) : last.logitsG;
  const { loss, d } = objective.G(last.answersG);
  if (wrong.yesno) d.data.fill(0); // a yes or no does not change when a fake moves a little
  last.lossG = loss;
  last.dLogitsG = d;
  yield "lossG";
  last.border = backward(D, values, d, wrong.unfrozen ? D.grads : null); // ∂L_G/∂D.input
  yield "backThroughD";
  last.intoG = last.border; // the border: ∂L_G/∂G.output, the same numbers
  if (last.leak) last.intoG = matrix(last.border.rows, last.border.columns, last.border.data.map((v, k) => v + last.leak.data[k]));
  yield "border";
  backward(G, last.made, last.border, G.grads);
  last.normG = gradientNorm(G);
  yield "backThroughG";
  last.movedG = optimize(optimizers.G, { ...options, lr: options.lrG });
  zeroGrad(G);
  yield "updateG";
}

const verdicts = (logits) => matrix(logits.rows, 1, logits.data.map((l) => (l > 0 ? 1 : -1))); // yes or no
const gradientNorm = (net) => Math.hypot(...net.grads.flatMap(({ W, b }) => [norm(W.data), norm(b)]));

/* All of it at once. */
function run(frames) {
  for (const _ of frames);
}
