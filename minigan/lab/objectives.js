/* What each player minimises, from D's logits l: the loss, and its gradient at every logit. As minigan/objectives.py. */

const sigmoid = (l) => (l >= 0 ? 1 / (1 + Math.exp(-l)) : Math.exp(l) / (1 + Math.exp(l)));
const softplus = (l) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))); // −ln σ(−l)

/* E f(l) and, at every logit, f′(l) / N */
function expected(logits, f, slope) {
  const n = logits.rows, d = matrix(n, 1);
  let sum = 0;
  for (let i = 0; i < n; i++) { sum += f(logits.data[i]); d.data[i] = slope(logits.data[i]) / n; }
  return { loss: sum / n, d };
}

const callReal = (l) => expected(l, (v) => softplus(-v), (v) => sigmoid(v) - 1); // −E ln σ(l)
const callFake = (l) => expected(l, softplus, sigmoid); // −E ln(1 − σ(l))
const squaredTo = (t) => (l) => expected(l, (v) => 0.5 * (v - t) ** 2, (v) => v - t);
const linear = (sign) => (l) => expected(l, (v) => sign * v, () => sign);
const hinge = (sign) => (l) => expected(l, (v) => Math.max(0, 1 - sign * v), (v) => (sign * v < 1 ? -sign : 0));
const negative = ({ loss, d }) => ({ loss: -loss, d: matrix(d.rows, 1, d.data.map((v) => -v)) });

/* real, fake: what D adds up of its logits. G: what G minimises. answer: what D's logit says, as a number to be shown. */
const OBJECTIVES = {
  "minimax": { real: callReal, fake: callFake, G: (l) => negative(callFake(l)), answer: sigmoid },
  "non-saturating": { real: callReal, fake: callFake, G: callReal, answer: sigmoid },
  "least-squares": { real: squaredTo(1), fake: squaredTo(0), G: squaredTo(1), answer: (l) => l },
  "hinge": { real: hinge(1), fake: hinge(-1), G: linear(-1), answer: (l) => l },
  "wgan": { real: linear(-1), fake: linear(1), G: linear(-1), answer: (l) => l, clips: true },
  "wgan-gp": { real: linear(-1), fake: linear(1), G: linear(-1), answer: (l) => l, penalizes: true },
};

/* weight · E (‖∇D(x̂)‖ − 1)², x̂ = ε x + (1 − ε) G(z): its value; its gradient is added to grads. */
function gradientPenalty(D, real, fake, epsilon, weight, grads) {
  const n = real.rows, x = matrix(n, real.columns);
  for (let k = 0; k < x.data.length; k++) {
    const e = epsilon[Math.floor(k / x.columns)];
    x.data[k] = e * real.data[k] + (1 - e) * fake.data[k];
  }
  const values = forward(D, x), found = slopes(D, values), slope = found.v[0], cotangent = matrix(n, x.columns);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const row = slope.data.subarray(i * x.columns, (i + 1) * x.columns);
    const length = Math.sqrt(row.reduce((s, v) => s + v * v, 0) + 1e-12); // the root's slope at 0 is infinite
    sum += (length - 1) ** 2;
    row.forEach((v, k) => { cotangent.data[i * x.columns + k] = (weight * 2 * (length - 1) * v) / (length * n); });
  }
  slopesBackward(D, values, found, cotangent, grads);
  return (weight * sum) / n;
}
