/* The engine: dense networks in float64, forward, backward and, for the gradient penalty, backward once more.

   An array is {rows, columns, data}: N samples, one a row. Every backward pass is written by hand below its forward. */

const SLOPE = 0.2; // of LeakyReLU below 0

function matrix(rows, columns, values) {
  return { rows, columns, data: values ? Float64Array.from(values) : new Float64Array(rows * columns) };
}

/* y = x Wᵀ + b. x (N, I), W (O, I), b (O). */
function dense(x, { W, b }) {
  const [n, I, O] = [x.rows, x.columns, W.rows];
  const y = matrix(n, O), X = x.data, w = W.data, Y = y.data;
  for (let i = 0; i < n; i++) {
    const xi = i * I, yi = i * O;
    let o = 0;
    for (; o + 3 < O; o += 4) { // four sums at once: each number of x is read once for the four
      const w0 = o * I, w1 = w0 + I, w2 = w1 + I, w3 = w2 + I;
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let k = 0; k < I; k++) {
        const v = X[xi + k];
        s0 += v * w[w0 + k]; s1 += v * w[w1 + k]; s2 += v * w[w2 + k]; s3 += v * w[w3 + k];
      }
      Y[yi + o] = s0 + b[o]; Y[yi + o + 1] = s1 + b[o + 1]; Y[yi + o + 2] = s2 + b[o + 2]; Y[yi + o + 3] = s3 + b[o + 3];
    }
    for (; o < O; o++) {
      let s = 0;
      for (let k = 0; k < I; k++) s += X[xi + k] * w[o * I + k];
      Y[yi + o] = s + b[o];
    }
  }
  return y;
}

/* dx = dy W */
function denseInput(dy, { W }) {
  const [n, O, I] = [dy.rows, dy.columns, W.columns];
  const dx = matrix(n, I), D = dy.data, w = W.data, X = dx.data;
  for (let i = 0; i < n; i++) {
    const xi = i * I, di = i * O;
    let o = 0;
    for (; o + 3 < O; o += 4) {
      const d0 = D[di + o], d1 = D[di + o + 1], d2 = D[di + o + 2], d3 = D[di + o + 3];
      const w0 = o * I, w1 = w0 + I, w2 = w1 + I, w3 = w2 + I;
      for (let k = 0; k < I; k++) X[xi + k] += d0 * w[w0 + k] + d1 * w[w1 + k] + d2 * w[w2 + k] + d3 * w[w3 + k];
    }
    for (; o < O; o++) for (let k = 0; k < I; k++) X[xi + k] += D[di + o] * w[o * I + k];
  }
  return dx;
}

/* dW += dyᵀ x */
function addWeightGradient(dW, dy, x) {
  const [n, O, I] = [x.rows, dy.columns, x.columns];
  const D = dy.data, X = x.data, w = dW.data;
  let i = 0;
  for (; i + 3 < n; i += 4) {
    const x0 = i * I, x1 = x0 + I, x2 = x1 + I, x3 = x2 + I;
    for (let o = 0; o < O; o++) {
      const di = i * O + o, d0 = D[di], d1 = D[di + O], d2 = D[di + 2 * O], d3 = D[di + 3 * O], wo = o * I;
      for (let k = 0; k < I; k++) w[wo + k] += d0 * X[x0 + k] + d1 * X[x1 + k] + d2 * X[x2 + k] + d3 * X[x3 + k];
    }
  }
  for (; i < n; i++) for (let o = 0; o < O; o++) for (let k = 0; k < I; k++) w[o * I + k] += D[i * O + o] * X[i * I + k];
}

/* db += Σ dy over the samples. The sum is made first: where reals and fakes cancel, as a critic's last bias has it, they
   do so to the bit, and Adam, which divides by the gradient's size, has no rounding to make a step of. */
function addBiasGradient(db, dy) {
  for (let o = 0; o < dy.columns; o++) {
    let sum = 0;
    for (let at = o; at < dy.data.length; at += dy.columns) sum += dy.data[at];
    db[o] += sum;
  }
}

/* An activation, its derivative and its second derivative. Both are told by y, what the activation gave. */
const ACTIVATIONS = {
  leaky_relu: { of: (h) => (h > 0 ? h : SLOPE * h), d: (y) => (y > 0 ? 1 : SLOPE), dd: null },
  relu: { of: (h) => (h > 0 ? h : 0), d: (y) => (y > 0 ? 1 : 0), dd: null },
  tanh: { of: Math.tanh, d: (y) => 1 - y * y, dd: (y) => -2 * y * (1 - y * y) },
};

/* Dense layers, an activation between them. sizes: of the input, the hidden layers, the output. draw(): N(0, 1).
   scale: of the last layer's weights. */
function network(sizes, activation, draw, scale = 1) {
  const gain = activation === "tanh" ? 1 : Math.SQRT2;
  const layers = sizes.slice(1).map((out, l) => {
    const W = matrix(out, sizes[l]), last = l === sizes.length - 2;
    const deviation = (last ? scale : gain) / Math.sqrt(sizes[l]);
    for (let k = 0; k < W.data.length; k++) W.data[k] = deviation * draw();
    return { W, b: new Float64Array(out) };
  });
  return { sizes, activation, layers, grads: layers.map(({ W }) => ({ W: matrix(W.rows, W.columns), b: new Float64Array(W.rows) })) };
}

function zeroGrad(net) {
  for (const { W, b } of net.grads) { W.data.fill(0); b.fill(0); }
}

/* x through the network: what each layer takes in, and, last, what comes out. */
function forward(net, x) {
  const activation = ACTIVATIONS[net.activation].of, values = [x];
  net.layers.forEach((layer, l) => {
    const y = dense(values[l], layer);
    if (l < net.layers.length - 1) for (let k = 0; k < y.data.length; k++) y.data[k] = activation(y.data[k]);
    values.push(y);
  });
  return values;
}

const outputOf = (values) => values[values.length - 1];

/* dx of dy. grads: where the weights' gradients are added, or null for a frozen network. */
function backward(net, values, dy, grads) {
  let d = dy;
  for (let l = net.layers.length - 1; l >= 0; l--) {
    if (l < net.layers.length - 1) d = throughActivation(net, values[l + 1], d);
    if (grads) { addWeightGradient(grads[l].W, d, values[l]); addBiasGradient(grads[l].b, d); }
    d = denseInput(d, net.layers[l]);
  }
  return d;
}

/* dh = dy · φ′(h) */
function throughActivation(net, y, dy) {
  const slope = ACTIVATIONS[net.activation].d, dh = matrix(dy.rows, dy.columns);
  for (let k = 0; k < dh.data.length; k++) dh.data[k] = dy.data[k] * slope(y.data[k]);
  return dh;
}

/* The gradient of Σ D(x) with respect to x, and what it was made of: of each layer, u at its output before the
   activation, and v = u W at its input. v[0] is the gradient. */
function slopes(net, values) {
  const last = net.layers.length - 1, u = [], v = [];
  for (let l = last; l >= 0; l--) {
    u[l] = l === last ? matrix(values[0].rows, 1) : throughActivation(net, values[l + 1], v[l + 1]);
    if (l === last) u[l].data.fill(1);
    v[l] = denseInput(u[l], net.layers[l]);
  }
  return { u, v };
}

/* Second order: the weights' gradients, of the cotangent of that gradient. First back through `slopes`, from the input to
   the output, then, where φ is curved, through `forward`. */
function slopesBackward(net, values, { u, v }, cotangent, grads) {
  const last = net.layers.length - 1, { d: slope, dd: curve } = ACTIVATIONS[net.activation], through = [];
  let dv = cotangent;
  for (let l = 0; l <= last; l++) {
    addWeightGradient(grads[l].W, u[l], dv); // v = u W: dW = uᵀ dv, du = dv Wᵀ
    if (l === last) break; // u of the last layer is 1, whatever the weights are
    const du = dense(dv, { W: net.layers[l].W, b: new Float64Array(net.layers[l].W.rows) }), y = values[l + 1].data;
    dv = matrix(du.rows, du.columns);
    if (curve) through[l] = matrix(du.rows, du.columns);
    for (let k = 0; k < y.length; k++) { // u = v′ φ′(h), v′ being the next layer's v
      dv.data[k] = du.data[k] * slope(y[k]);
      if (curve) through[l].data[k] = du.data[k] * v[l + 1].data[k] * curve(y[k]);
    }
  }
  if (!curve) return;
  let dh = null;
  for (let l = last - 1; l >= 0; l--) {
    const more = dh && throughActivation(net, values[l + 1], denseInput(dh, net.layers[l + 1]));
    dh = through[l];
    if (more) for (let k = 0; k < dh.data.length; k++) dh.data[k] += more.data[k];
    addWeightGradient(grads[l].W, dh, values[l]);
    addBiasGradient(grads[l].b, dh);
  }
}

/* SGD: p ← p − lr g.  Adam: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − lr m̂ / (√v̂ + ε).
   Gives how far all weights moved, ‖Δp‖. */
function optimizer(net) {
  const like = () => net.layers.map(({ W, b }) => [new Float64Array(W.data.length), new Float64Array(b.length)]);
  return { net, count: 0, means: like(), squares: like() };
}

function optimize(state, { optimizer: kind, lr, beta1, beta2 = 0.999, eps = 1e-8 }) {
  const { net, means, squares } = state;
  state.count += 1;
  const rate = lr / (1 - beta1 ** state.count), scale = 1 / Math.sqrt(1 - beta2 ** state.count);
  let moved = 0;
  net.layers.forEach(({ W, b }, l) => [W.data, b].forEach((p, i) => {
    const g = i ? net.grads[l].b : net.grads[l].W.data, m = means[l][i], v = squares[l][i];
    if (kind === "sgd") {
      for (let k = 0; k < p.length; k++) { const step = lr * g[k]; p[k] -= step; moved += step * step; }
      return;
    }
    for (let k = 0; k < p.length; k++) {
      m[k] = beta1 * m[k] + (1 - beta1) * g[k];
      v[k] = beta2 * v[k] + (1 - beta2) * g[k] * g[k];
      const step = (rate * m[k]) / (Math.sqrt(v[k]) * scale + eps);
      p[k] -= step;
      moved += step * step;
    }
  }));
  return Math.sqrt(moved);
}

/* w ← min(max(w, −c), c) */
function clipWeights(net, c) {
  for (const { W, b } of net.layers) for (const p of [W.data, b]) for (let k = 0; k < p.length; k++) p[k] = Math.min(Math.max(p[k], -c), c);
}

function norm(values) {
  let sum = 0;
  for (const v of values) sum += v * v;
  return Math.sqrt(sum);
}

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
