/* The plane: D's answers as colour, real points, fakes and their arrows, G's grid. And the pictures of the data sets. */

const REACH = 1.5; // the plane is shown from −REACH to REACH
const CELLS = 44, MOVING_CELLS = 28; // of the map of D's answers, in a row: fewer while it plays
const GRID_LINES = 9, GRID_POINTS = 25; // of the plane of noise, from −2 to 2

const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = tag === "svg" || tag === "path" || tag === "line" || tag === "text" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const SIGNIFICANT = { maximumSignificantDigits: 3 };
/* A number to be read: three digits, by a power of ten where it is small. */
function shown(v) {
  if (v === 0) return "0";
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "–" : "∞";
  const size = Math.abs(v);
  if (size >= 1e-3 && size < 1e5) return v.toLocaleString("en", SIGNIFICANT).replaceAll(",", "").replace("-", "−");
  const [digits, power] = v.toExponential(1).split("e");
  return `${digits === "1.0" ? "" : `${digits.replace("-", "−")}·`}10${[...String(Number(power))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("")}`;
}
const percent = (v) => `${Math.round(100 * v)}%`;

/* A canvas, sharp on every screen, and its side in CSS pixels. */
function context2d(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  return { c, width, height };
}

/* The colours of the page as it is shown now, as numbers for pixels and as texts for lines. */
function palette() {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(document.body);
  const of = (name) => {
    const swatch = element("i", { hidden: "" });
    document.body.append(swatch);
    swatch.style.color = `var(--${name})`;
    const colour = getComputedStyle(swatch).color;
    swatch.remove();
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    return { text: colour, rgb: [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3) };
  };
  const dark = style.colorScheme === "dark" || (style.colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const colours = Object.fromEntries(["paper", "ink", "quiet", "rule", "real", "fake", "gradient"].map((name) => [name, of(name)]));
  return { ...colours, ends: dark ? [[107, 63, 20], [31, 79, 125]] : [[243, 199, 157], [169, 203, 234]], dark };
}

const places = (dims, cells) => (dims === 1
  ? matrix(220, 1, Array.from({ length: 220 }, (_, i) => ((i + 0.5) / 110 - 1) * REACH))
  : matrix(cells * cells, 2, Array.from({ length: cells * cells }, (_, i) => [
    (((i % cells) + 0.5) / cells * 2 - 1) * REACH, (1 - ((Math.floor(i / cells) + 0.5) / cells) * 2) * REACH,
  ]).flat()));

/* D's answers over the plane, each from 0 (fake, orange) to 1 (real, blue). A critic's scores have no unit: they are
   shown between the lowest and the highest. */
function answersOver(game, at) {
  const { answer } = OBJECTIVES[game.options.objective], values = outputOf(forward(game.D, at)).data.map(answer);
  if (isProbability(game)) return values.map((v) => Math.min(1, Math.max(0, v)));
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) { low = Math.min(low, v); high = Math.max(high, v); }
  return values.map((v) => (high > low ? (v - low) / (high - low) : 0.5));
}

const isProbability = (game) => ["minimax", "non-saturating", "least-squares"].includes(game.options.objective);

function mixed(colours, share) {
  const [end, t] = share < 0.5 ? [colours.ends[0], 1 - 2 * share] : [colours.ends[1], 2 * share - 1];
  return colours.paper.rgb.map((p, k) => p + (end[k] - p) * t);
}

/* From orange by paper to blue, as bytes; what is no number is paper. */
function shades(colours) {
  return Uint8ClampedArray.from(Array.from({ length: 256 }, (_, k) => [...mixed(colours, k / 255), 255]).flat());
}

/* How many fakes are beyond each side of the plane. */
function outside(fakes) {
  const beyond = { left: 0, right: 0, above: 0, below: 0 };
  for (const [x, y = 0] of rowsOf(fakes)) {
    const side = Math.abs(x) >= Math.abs(y) ? (x < 0 ? "left" : "right") : y < 0 ? "below" : "above";
    if (Math.max(Math.abs(x), Math.abs(y)) > REACH) beyond[side] += 1;
  }
  return beyond;
}

const longest = (width) => Math.min(46, Math.max(24, 0.09 * width));

const small = document.createElement("canvas");
let noiseGrid = null; // the plane of noise as lines, and its dims

/* view: {fakes, arrows, ringed, moving}. arrows may be null; moving: it plays, and the next picture is soon to come. */
function drawPlane(canvas, game, view, colours) {
  const { c, width, height } = context2d(canvas), dims = game.set.dims;
  const X = (x) => ((x / REACH + 1) / 2) * width, Y = (y) => ((1 - y / REACH) / 2) * height;
  const cells = view.moving ? MOVING_CELLS : CELLS, at = (drawPlane[`${dims},${cells}`] ??= places(dims, cells));
  const answers = answersOver(game, at), size = dims === 1 ? [at.rows, 1] : [cells, cells];
  if (small.width !== size[0] || small.height !== size[1]) [small.width, small.height] = size;
  const image = new ImageData(small.width, small.height), shade = (colours.shades ??= shades(colours));
  for (let i = 0; i < answers.length; i++) {
    const from = 4 * (answers[i] >= 0 ? Math.round(255 * answers[i]) : 127);
    for (let k = 0; k < 4; k++) image.data[4 * i + k] = shade[from + k];
  }
  small.getContext("2d").putImageData(image, 0, 0);
  c.imageSmoothingEnabled = dims === 2;
  c.drawImage(small, 0, 0, width, height);
  (dims === 1 ? drawLine : drawPoints2d)(c, game, view, colours, { X, Y, width, height, at, answers });
  drawBeyond(c, outside(view.fakes), colours, width, height);
}

/* Where fakes are outside the plane: a mark at that side, and how many. */
function drawBeyond(c, beyond, colours, width, height) {
  c.font = "600 13px system-ui, sans-serif";
  c.textBaseline = "middle";
  for (const [side, [x, y, dx, dy]] of Object.entries({ left: [0, 0.5, 1, 0], right: [1, 0.5, -1, 0], above: [0.5, 0, 0, 1], below: [0.5, 1, 0, -1] })) {
    if (!beyond[side]) continue;
    const [px, py] = [x * width + 3 * dx, y * height + 3 * dy], number = String(beyond[side]);
    c.fillStyle = colours.fake.text;
    c.beginPath();
    c.moveTo(px, py);
    c.lineTo(px + 12 * dx - 9 * dy, py + 12 * dy - 9 * dx);
    c.lineTo(px + 12 * dx + 9 * dy, py + 12 * dy + 9 * dx);
    c.fill();
    c.textAlign = dx > 0 ? "left" : dx < 0 ? "right" : "center";
    c.strokeStyle = colours.paper.text;
    c.lineWidth = 3;
    c.strokeText(number, px + 16 * dx, py + 22 * dy);
    c.fillText(number, px + 16 * dx, py + 22 * dy);
  }
  c.textAlign = "start";
  c.textBaseline = "alphabetic";
}

function drawPoints2d(c, game, { fakes, arrows, ringed }, colours, { X, Y, width }) {
  drawMesh(c, game, colours, X, Y);
  dots(c, rowsOf(game.reals).map(([x, y]) => [X(x), Y(y)]), 1.7, colours.real.text, 0.75);
  const at = rowsOf(fakes).map(([x, y]) => [X(x), Y(y)]);
  if (arrows) drawArrows(c, at, rowsOf(arrows).map(([dx, dy]) => [dx, -dy]), colours, longest(width));
  dots(c, at, width < 400 ? 1.9 : 2.6, colours.fake.text, 1);
  at.slice(0, ringed).forEach((p, i) => ring(c, p, i, colours));
}

/* On a line: reals above, fakes below with their arrows, D's answer as a curve, and from where G brings its fakes. */
function drawLine(c, game, { fakes, arrows, ringed }, colours, { X, Y, width, at, answers }) {
  const scatter = (i) => ((i * 0.618034) % 1) * 0.36;
  c.strokeStyle = colours.ink.text;
  c.lineWidth = 2;
  c.beginPath();
  answers.forEach((v, i) => c.lineTo(X(at.data[i]), Y(0.62 + 0.7 * v)));
  c.stroke();
  c.lineWidth = 1;
  c.strokeStyle = colours.quiet.text;
  c.globalAlpha = 0.6;
  for (const y of [0, -0.55]) line(c, [0, Y(y)], [width, Y(y)]);
  const z = matrix(33, 1, Array.from({ length: 33 }, (_, i) => i / 8 - 2)), to = outputOf(forward(game.G, z));
  z.data.forEach((v, i) => line(c, [X(v * 0.65), Y(-1.42)], [X(to.data[i]), Y(-0.95)]));
  c.globalAlpha = 1;
  dots(c, rowsOf(game.reals).slice(0, 200).map(([x], i) => [X(x), Y(0.06 + scatter(i))]), 2, colours.real.text, 0.8);
  const places = rowsOf(fakes).map(([x], i) => [X(x), Y(-0.95 + scatter(i))]);
  if (arrows) drawArrows(c, places, rowsOf(arrows).map(([dx]) => [dx, 0]), colours, longest(width));
  dots(c, places, 2.6, colours.fake.text, 1);
  places.slice(0, ringed).forEach((p, i) => ring(c, p, i, colours));
  c.fillStyle = colours.ink.text;
  c.font = "600 13px system-ui, sans-serif";
  for (const [name, y] of [["D", 1.36], ["x", 0.44], ["G(z)", -0.5], ["z", -1.3]]) c.fillText(name, 8, Y(y));
}

/* Where G takes straight lines of the plane of noise. */
function drawMesh(c, game, colours, X, Y) {
  if (!noiseGrid) {
    const ends = Array.from({ length: GRID_LINES }, (_, k) => (4 * k) / (GRID_LINES - 1) - 2);
    const along = Array.from({ length: GRID_POINTS }, (_, k) => (4 * k) / (GRID_POINTS - 1) - 2);
    noiseGrid = matrix(2 * GRID_LINES * GRID_POINTS, 2, [...ends.flatMap((x) => along.map((y) => [x, y])), ...ends.flatMap((y) => along.map((x) => [x, y]))].flat());
  }
  const to = outputOf(forward(game.G, noiseGrid)).data;
  c.strokeStyle = colours.quiet.text;
  c.globalAlpha = 0.45;
  c.lineWidth = 1;
  c.beginPath();
  for (let k = 0; k < 2 * GRID_LINES * GRID_POINTS; k++) c[k % GRID_POINTS ? "lineTo" : "moveTo"](X(to[2 * k]), Y(to[2 * k + 1]));
  c.stroke();
  c.globalAlpha = 1;
}

function line(c, from, to) {
  c.beginPath();
  c.moveTo(...from);
  c.lineTo(...to);
  c.stroke();
}

function dots(c, places, radius, colour, alpha) {
  c.fillStyle = colour;
  c.globalAlpha = alpha;
  c.beginPath();
  for (const [x, y] of places) { c.moveTo(x + radius, y); c.arc(x, y, radius, 0, 2 * Math.PI); }
  c.fill();
  c.globalAlpha = 1;
}

function ring(c, [x, y], i, colours) {
  c.strokeStyle = colours.ink.text;
  c.lineWidth = 2;
  c.beginPath();
  c.arc(x, y, 8, 0, 2 * Math.PI);
  c.stroke();
  c.fillStyle = colours.ink.text;
  c.font = "600 12px system-ui, sans-serif";
  c.fillText(String(i + 1), x + 10, y - 6);
}

function drawArrows(c, places, ways, colours, most) {
  c.strokeStyle = colours.gradient.text;
  c.lineWidth = 1.2;
  c.beginPath();
  ways.forEach((way, i) => arrow(c, places[i], way, most));
  c.stroke();
}

/* An arrow whose length grows with the gradient's size g as g / (1 + g): half of `most` at 1, none at 0. */
function arrow(c, [x, y], [dx, dy], most) {
  const size = Math.hypot(dx, dy), length = (most * size) / (1 + size);
  if (!(length > 0.7)) return;
  const [ux, uy] = [dx / size, dy / size], [ex, ey] = [x + ux * length, y + uy * length], head = Math.min(5, length / 2);
  c.moveTo(x, y);
  c.lineTo(ex, ey);
  c.moveTo(ex - head * (ux + 0.6 * uy), ey - head * (uy - 0.6 * ux));
  c.lineTo(ex, ey);
  c.lineTo(ex - head * (ux - 0.6 * uy), ey - head * (uy + 0.6 * ux));
}

/* A data set's picture. cross: where the keyboard draws, or null. */
function drawSet(canvas, reals, colours, radius, cross = null) {
  const { c, width, height } = context2d(canvas);
  const place = ([x, y = 0]) => [((x / REACH + 1) / 2) * width, ((1 - y / REACH) / 2) * height];
  dots(c, reals.map(place), radius, colours.real.text, 0.8);
  if (!cross) return;
  const [x, y] = place(cross);
  c.strokeStyle = colours.ink.text;
  line(c, [x - 7, y], [x + 7, y]);
  line(c, [x, y - 7], [x, y + 7]);
}
