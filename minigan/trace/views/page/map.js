// The map of the whole step. Networks stand side by side, in the order in which their outputs enter one
// another: G, then D. Each call of one is a lane: its layers forward, and under them a row for each
// backward pass that came through. Between the networks is the border, with its walls and doors.

const WIDE = 44; // pixels a layer needs to have its numbers beside it
const NAME = 26; // the height of a loss' name, and whose it is
const READABLE = 31; // and to have its name; a map that would be smaller is scrolled
const low = matchMedia("(max-height: 819px)"); // a low window: the map is compact, and its numbers are left to the frames

/** Which frame shows what: the map's blocks and arrows are lit by these. */
function framesOf(trace) {
  const by = { layer: {}, back: {}, entry: {}, border: {}, gradient: {}, update: {} };
  trace.frames.forEach((frame, i) => {
    if (frame.update !== null) by.update[frame.update] = i;
    else if (frame.border_gradient !== null) by.gradient[frame.border_gradient] = i;
    else if (frame.border !== null) by.border[frame.border] = i;
    else if (frame.layer_backward !== null) by.back[frame.layer_backward] = i;
    else if (frame.layer !== null) by.layer[frame.layer] = i;
    else if (frame.call !== null) (by.entry[frame.call] ??= []).push(i);
  });
  return by;
}

/** The column of each network: to the right of whatever enters it. */
function columnsOf(trace) {
  const column = {};
  for (const call of trace.calls) column[call.owner] = 0;
  for (let round = 0; round < Object.keys(column).length; round++) {
    for (const { from_call, to_call } of trace.borders) {
      const [from, to] = [trace.calls[from_call].owner, trace.calls[to_call].owner];
      if (from !== to) column[to] = Math.max(column[to], Math.min(column[from] + 1, round + 1));
    }
  }
  return column;
}

/** Backward passes through some layers, in order: for each, its number, and the layers' backwards by layer. */
function passesThrough(trace, layers) {
  const inside = new Set(layers);
  const passes = new Map();
  trace.layer_backwards.forEach((back, number) => {
    if (!inside.has(back.layer)) return;
    if (!passes.has(back.backward_pass)) passes.set(back.backward_pass, {});
    passes.get(back.backward_pass)[back.layer] = number;
  });
  return [...passes].map(([pass, backs]) => ({ pass, backs }));
}

/** Lanes: of calls, and one for each layer outside of them (the losses). */
function lanesOf(trace) {
  const column = columnsOf(trace);
  const last = Math.max(-1, ...Object.values(column)) + 1;
  const calls = trace.calls.map((call, i) => ({ call: i, column: column[call.owner], layers: call.layers }));
  const loose = trace.layers.flatMap((layer, i) => (layer.call === null ? [{ call: null, column: last, layers: [i] }] : []));
  return [...calls, ...loose].map((lane) => ({ ...lane, rows: passesThrough(trace, lane.layers) }));
}

/** Where everything stands, in pixels, on a drawing that fits into that room, or is wider if it must be. */
function layoutOf(trace, room) {
  const lanes = lanesOf(trace);
  const columns = Math.max(0, ...lanes.map((lane) => lane.column)) + 1;
  const length = Array.from({ length: columns }, (_, c) =>
    Math.max(0, ...lanes.filter((l) => l.column === c).map((l) => l.layers.length)));
  const isLoose = (c) => lanes.some((l) => l.column === c && l.call === null);
  const gaps = length.map((_, c) => (c === 0 ? 1.1 : isLoose(c) ? 0.7 : 3));
  const units = length.reduce((sum, n, c) => sum + gaps[c] + (isLoose(c) ? 1.6 : n), 0);
  const pitch = Math.max(READABLE, Math.min(76, (room - 2) / units));
  const width = Math.max(room, Math.ceil(pitch * units) + 2);
  const isWide = pitch >= WIDE;
  const isCompact = isWide && low.matches;
  const side = Math.round(isWide ? Math.min(pitch * 0.66, isCompact ? 20 : 34) : pitch * 0.74);
  const left = [];
  length.reduce((x, n, c) => {
    left[c] = x + gaps[c] * pitch;
    return left[c] + (isLoose(c) ? 1.6 : n) * pitch;
  }, Math.max(0, (width - pitch * units) / 2));

  const text = isWide && !isCompact ? 12 : 0; // the height of a number
  const space = isWide ? 5 : Math.max(2, pitch * 0.16);
  const height = (lane) => text + side + lane.rows.length * (side + space + text) + (isCompact ? 9 : isWide ? 14 : 12);
  const head = isWide ? 38 : 32;
  place(trace, lanes, columns, head, height);
  const bottom = Math.max(...lanes.map((lane) => lane.top + height(lane)), 0);

  const spot = {}; // of each layer: the middle of its block
  for (const lane of lanes) {
    lane.y = lane.top + text + side / 2;
    lane.rows.forEach((row, r) => { row.y = lane.y + (r + 1) * (side + space) + r * text; });
    const step = lane.call === null ? 1.6 * pitch : pitch;
    lane.layers.forEach((layer, i) => { spot[layer] = { x: left[lane.column] + (i + 0.5) * step, lane }; });
  }
  return { width, height: bottom, pitch, side, isWide, isCompact, text, lanes, spot, left, columns, head };
}

/** Tops of lanes: the busiest column is stacked, others stand in the middle of what they are joined to. */
function place(trace, lanes, columns, head, height) {
  const busiest = Math.max(0, ...Array.from({ length: columns }, (_, c) => lanes.filter((l) => l.column === c).length));
  const first = Array.from({ length: columns }, (_, c) => c).find((c) => lanes.filter((l) => l.column === c).length === busiest);
  const order = [first, ...Array.from({ length: columns }, (_, c) => c).filter((c) => c !== first)
    .sort((a, b) => Math.abs(a - first) - Math.abs(b - first))];
  const placed = new Map();
  for (const c of order) {
    let free = head;
    const wishes = lanes.filter((lane) => lane.column === c)
      .map((lane) => ({ lane, wish: middleOfJoined(trace, lanes, lane, placed, height) }));
    if (wishes.every(({ wish }) => wish !== null)) wishes.sort((a, b) => a.wish - b.wish);
    for (const { lane, wish } of wishes) {
      lane.top = Math.max(free, wish === null ? free : wish - height(lane) / 2);
      free = lane.top + height(lane) + (lane.call === null ? NAME : 0); // a name stands over what is in no network
      placed.set(lane, lane.top + height(lane) / 2);
    }
  }
}

function middleOfJoined(trace, lanes, lane, placed) {
  const sources = (l) => l.layers.flatMap((i) => trace.layers[i].sources);
  const mine = new Set(lane.layers);
  const joined = lanes.filter((other) => placed.has(other) && other.column !== lane.column &&
    (sources(other).some((s) => mine.has(s)) || sources(lane).some((s) => other.layers.includes(s))));
  if (!joined.length) return null;
  return joined.reduce((sum, other) => sum + placed.get(other), 0) / joined.length;
}

// --- drawing -----------------------------------------------------------------------------------

/** Draw the map into an element. Returns what lights the frame of a given number. */
function drawMap(trace, element) {
  const layout = layoutOf(trace, Math.floor(element.clientWidth));
  const shows = framesOf(trace);
  const forwardWidth = widthScale(trace.layers.map((l) => l.output.norm), layout.isWide ? 6 : 3);
  const gradientWidth = widthScale(trace.layer_backwards.map((b) => b.grad_output.norm), layout.isWide ? 6 : 3);
  const map = { trace, layout, shows, forwardWidth, gradientWidth };
  const root = svg(
    "svg", { viewBox: `0 0 ${layout.width} ${layout.height}`, width: layout.width, height: layout.height, role: "img",
      "aria-label": mapInWords(trace), class: layout.isCompact ? "wide compact" : layout.isWide ? "wide" : "narrow" },
    svg("defs", {}, arrowHead("forward", "head", layout.isWide ? 7 : 4), arrowHead("gradient", "head", layout.isWide ? 7 : 4), hatching()),
    bands(map), headings(map), entries(map), layout.lanes.map((lane) => drawLane(map, lane)),
    trace.borders.map((_, i) => drawBorder(map, i)),
  );
  element.replaceChildren(root);
  const free = Math.min(...layout.lanes.filter((lane) => lane.column === 0).map((lane) => lane.top)) - layout.head;
  element.classList.toggle("roomy", layout.isWide && free > (layout.isCompact ? 60 : 90)); // over G: there the legend fits
  const isScrolled = layout.width > element.clientWidth || element.scrollHeight > element.clientHeight + 1;
  element.classList.toggle("scrolls", isScrolled);
  filled(element, isScrolled ? { tabindex: 0, role: "region", "aria-label": "The map, which scrolls" } : {}, []);
  if (!isScrolled) for (const name of ["tabindex", "role", "aria-label"]) element.removeAttribute(name);
  return (current) => {
    light(trace, root, current);
    if (isScrolled) bringIntoView(element);
  };
}

/** Scroll the map to what is lit. */
function bringIntoView(element) {
  const blocks = [...element.querySelectorAll(".block.now")];
  const places = (blocks.length ? blocks : [...element.querySelectorAll(".now")]).map((lit) => lit.getBoundingClientRect());
  if (!places.length) return;
  const middle = (Math.min(...places.map((p) => p.left)) + Math.max(...places.map((p) => p.right))) / 2;
  const here = element.getBoundingClientRect();
  element.scrollLeft += middle - (here.left + here.right) / 2;
  const height = (Math.min(...places.map((p) => p.top)) + Math.max(...places.map((p) => p.bottom))) / 2;
  element.scrollTop += height - (here.top + here.bottom) / 2;
}

function mapInWords(trace) {
  const calls = trace.calls.map((call) => call.label).join(", ");
  const borders = trace.borders.map((b) => `${WAY[DRAWN_AS[b.kind]]} between ${trace.calls[b.from_call].label} and ${trace.calls[b.to_call].owner}`);
  return `The step as a map: ${[calls, ...borders].join("; ")}. Every number of it is in the table below.`;
}

/** A marker that ends arrows: url(#NAME-KIND). */
function arrowHead(kind, name, size) {
  const shape = { forward: "M0 0 L7 3.5 L0 7 Z", gradient: "M0 0 L7 3.5 L0 7 L2 3.5 Z" }[kind];
  return svg("marker", { id: `${name}-${kind}`, viewBox: "0 0 7 7", refX: name === "gate" ? 3.5 : 5, refY: 3.5, markerWidth: size, markerHeight: size,
    markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: shape, class: `head ${kind}` }));
}

/** What a wall is filled with, here and in the border's own picture. */
function hatching() {
  return svg("pattern", { id: "hatching", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 5, height: 5, class: "plaster" }), svg("line", { x1: 0, y1: 0, x2: 0, y2: 5, class: "hatch" }));
}

/** Attributes of what is lit in some frames, and clicked to go to the first of them. */
const lit = (frames) => {
  const known = frames.filter((f) => f !== undefined);
  return known.length ? { "data-lit": known.join(" ") } : {};
};

/** Light what belongs to the current frame; what comes later is pale. */
function light(trace, root, current) {
  const { update } = trace.frames[current];
  const updated = new Set(update === null ? [] : trace.calls.map((c) => c.owner).filter((owner) => changes(trace.updates[update], owner)));
  for (const element of root.querySelectorAll("[data-lit]")) {
    const frames = element.dataset.lit.split(" ").map(Number);
    const isNow = frames.includes(current) || updated.has(element.dataset.owner);
    element.classList.toggle("now", isNow);
    element.classList.toggle("later", !isNow && current < Math.min(...frames));
  }
}

/** The lanes of one player's turn, as a band. */
function bands({ trace, layout, shows }) {
  if (!layout.isWide) return [];
  const last = layout.columns - 1;
  const losses = layout.lanes.filter((lane) => lane.call === null);
  return layout.lanes.filter((lane) => lane.call !== null && lane.column === last - 1 && losses.length).map((lane) => {
    const turn = trace.frames[shows.layer[lane.layers[0]]]?.turn;
    const x = layout.left[lane.column] - layout.pitch * 0.12;
    return svg("g", { class: "band" },
      svg("rect", { x, y: lane.top - 3, width: layout.left[last] - x - layout.pitch * 0.55, height: laneHeight(layout, lane), rx: 6 }),
      svg("title", {}, turnName(turn)));
  });
}

function laneHeight(layout, lane) {
  const lowest = lane.rows.length ? lane.rows.at(-1).y : lane.y;
  return lowest + layout.side / 2 + (layout.isWide && !layout.isCompact && lane.rows.length ? 14 : layout.isCompact ? 3 : 5) - lane.top + 3;
}

/** What stands between two networks, in a sentence. */
const WAY = { wall: "a wall", door: "a door", open: "an open border" };

const turnName = (turn) => ({ both: "Both at once", all: "All at once", "": "" }[turn ?? ""] ?? `${turn}'s turn`);

/** Whether an optimiser's step changes parameters of a network. */
const changes = (update, network) => update.parameters.some((p) => p.name.startsWith(`${network}.`));

/** Over each network its name, its layers' kinds, and its optimiser. */
function headings({ trace, layout, shows }) {
  const seen = new Set();
  return layout.lanes.filter((lane) => lane.call !== null).map((lane) => {
    const call = trace.calls[lane.call];
    if (seen.has(call.owner)) return null;
    seen.add(call.owner);
    const x = layout.left[lane.column];
    const kinds = lane.layers.map((layer) =>
      svg("text", { x: layout.spot[layer].x, y: lane.top - 4, class: "kind" }, asIs(shortKind(trace.layers[layer].kind, layout.pitch - 7))));
    const update = trace.updates.findIndex((u) => changes(u, call.owner));
    const optimizer = update < 0 ? null : svg("tspan", { dx: 14, class: "optimizer", ...lit([shows.update[update]]) },
      `${trace.updates[update].optimizer} updates ${call.owner}`);
    const name = svg("text", { x: x + (layout.pitch - layout.side) / 2, y: lane.top - (layout.isWide ? 22 : 18), class: "network" },
      svg("tspan", { class: "letter" }, call.owner), svg("tspan", { dx: 6 }, call.kind), optimizer);
    return svg("g", {}, name, kinds);
  });
}

const SHORT = {
  Conv2d: "conv", ConvTranspose2d: "convᵀ", BatchNorm: "norm", BatchNormReLU: "norm", LayerNorm: "norm", InstanceNorm: "norm", ConditionalBatchNorm: "cnorm",
  LeakyReLU: "lrelu", ReLU: "relu", Dropout: "drop", Flatten: "flat", Reshape: "shape", Dense: "dense", Tanh: "tanh", Sigmoid: "sigm", Embedding: "embed",
  MaxPool2d: "pool", AvgPool2d: "pool", UpsampleNearest2d: "up", Transpose: "swap", MatMul: "matm", Softmax: "softm", Concatenate: "join", GetItem: "take",
  MulScalar: "mul", AddScalar: "add", SelfAttention: "attn", PixelNorm: "pnorm", MinibatchStd: "mbstd",
};
const LETTER = 5.6; // pixels of a letter

/** A layer's kind, or the first of several functions, as far as there is room. */
function shortKind(kind, room = 8 * LETTER) {
  const [first, ...more] = kind.split(", ");
  const most = Math.floor(room / LETTER) - (more.length ? 1 : 0);
  return (SHORT[first] ?? first.toLowerCase()).slice(0, Math.max(3, most)) + (more.length ? "…" : "");
}

/** What enters a network from outside: noise, images. */
function entries(map) {
  const { trace, layout, shows } = map;
  return layout.lanes.filter((lane) => lane.call !== null).flatMap((lane) => {
    const call = trace.calls[lane.call];
    const first = layout.spot[lane.layers[0]].x;
    return (shows.entry[lane.call] ?? []).slice(0, 1).map((frame) => {
      const x = first - layout.pitch;
      const array = trace.frames[frame].output;
      return svg("g", {},
        block(map, { x, y: lane.y, array, frames: [frame], isGradient: false, title: trace.frames[frame].title }),
        svg("text", { x: x - layout.side / 2 - (layout.isWide ? 6 : 2), y: lane.y + 4, class: "entry" }, call.input_names[0]),
        arrow(map, { d: line(x + layout.side / 2, lane.y, first - layout.side / 2), norm: array.norm, kind: "forward",
          frames: [frame, shows.layer[lane.layers[0]]] }));
    });
  });
}

const line = (from, y, to) => `M${from} ${y} H${to}`;

/** A lane: blocks forward, and a row of gradients for each backward pass. */
function drawLane(map, lane) {
  const { trace, layout, shows } = map;
  const forward = lane.layers.map((number) => {
    const layer = trace.layers[number];
    const { x } = layout.spot[number];
    const frames = [shows.layer[number]];
    const owner = layer.parameters.length ? layer.owner : null;
    return [
      block(map, { x, y: lane.y, array: layer.output, frames, isGradient: false, title: `${layer.name}: ${layer.kind}`, owner }),
      ...layer.sources.map((source) => forwardArrow(map, source, number)),
    ];
  });
  const loss = lane.call === null ? lossName(map, lane) : null;
  return svg("g", {}, forward, lane.rows.map((row) => drawRow(map, lane, row)), loss);
}

function lossName({ trace, layout, shows }, lane) {
  const layer = trace.layers[lane.layers[0]];
  const x = layout.spot[lane.layers[0]].x;
  const frame = shows.layer[lane.layers[0]];
  const name = layer.owner === "loss" ? layer.name : shortKind(layer.kind);
  return svg("text", { x, y: lane.top - (layout.text ? 10 : 20), class: "loss" }, svg("tspan", { class: "whose", x }, turnName(trace.frames[frame]?.turn)),
    svg("tspan", { x, dy: 15 }, asIs(name)));
}

function forwardArrow(map, source, number) {
  const { trace, layout, shows } = map;
  if (source === null) return null;
  const [from, to] = [layout.spot[source], layout.spot[number]];
  if (isBorder(trace, source, number)) return null; // the border draws it
  const isBelow = from.lane !== to.lane && from.lane.column === to.lane.column;
  const d = isBelow ? bow(from.x + layout.side / 2, from.lane.y, to.lane.y, layout.pitch * 0.4)
    : joined(from.x + layout.side / 2, from.lane.y, to.x - layout.side / 2, to.lane.y);
  return arrow(map, { d, norm: trace.layers[source].output.norm, kind: "forward", frames: [shows.layer[source], shows.layer[number]] });
}

const isBorder = (trace, source, number) =>
  trace.layers[number].call !== null && trace.layers[source].call !== null && trace.layers[source].call !== trace.layers[number].call;

/** A line from left to right, or from right to left, bent where the heights differ. */
function joined(x1, y1, x2, y2) {
  if (Math.abs(y1 - y2) < 0.5) return `M${x1} ${y1} H${x2}`;
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/** A line between two that stand over one another, on one side of both. */
const bow = (x, y1, y2, out) => `M${x} ${y1} C${x + out} ${y1} ${x + out} ${y2} ${x} ${y2}`;

/** One backward pass through a lane: under each output its gradient. */
function drawRow(map, lane, row) {
  const { trace, layout, shows } = map;
  const elements = lane.layers.filter((layer) => layer in row.backs).map((number) => {
    const back = trace.layer_backwards[row.backs[number]];
    const { x } = layout.spot[number];
    const frames = [shows.back[row.backs[number]]];
    const title = `∂L/∂output of ${trace.layers[number].name}`;
    return [
      block(map, { x, y: row.y, array: back.grad_output, frames, isGradient: true, title }),
      ...back.grad_inputs.map((gradient, k) => gradientArrow(map, { number, k, gradient, row, x })),
    ];
  });
  return svg("g", {}, elements);
}

function gradientArrow(map, { number, k, gradient, row, x }) {
  const { trace, layout, shows } = map;
  const source = trace.layers[number].sources[k];
  if (gradient === null || source === null || isBorder(trace, source, number)) return null;
  const there = layout.spot[source];
  const next = there.lane.rows.find((r) => r.pass === row.pass && source in r.backs);
  if (!next) return null;
  const here = layout.spot[number].lane;
  const isBelow = here !== there.lane && here.column === there.lane.column;
  const d = isBelow ? bow(x - layout.side / 2, row.y, next.y, -layout.pitch * 0.4) : joined(x - layout.side / 2, row.y, there.x + layout.side / 2, next.y);
  return arrow(map, { d, norm: gradient.norm, kind: "gradient", frames: [shows.back[row.backs[number]], shows.back[next.backs[source]]] });
}

/** A layer's output, or its gradient: a picture, its norm beside it. */
function block({ layout }, { x, y, array, frames, isGradient, title, owner }) {
  const { side, isWide, isCompact } = layout;
  const isNumber = !array.shape.length;
  const width = isNumber && isWide ? (isCompact ? 1.7 : 1.3) * side : side;
  const [left, top] = [x - width / 2, y - side / 2];
  const picture = isNumber || !array.picture ? null
    : svg("image", { href: heatMap(array, isGradient, 1).toDataURL(), x: left, y: top, width: side, height: side, preserveAspectRatio: "none" });
  const value = digits(isNumber ? array.mean : array.norm);
  const norm = !isWide ? null : isNumber ? svg("text", { x, y: y + 4, class: "scalar norm" }, value)
    : isCompact ? null : svg("text", { x, y: isGradient ? y + side / 2 + 11 : top - 4, class: "norm" }, value);
  return svg(
    "g", { class: `block ${isGradient ? "gradient" : "forward"}`, ...lit(frames), "data-owner": owner },
    svg("title", {}, `${title}: ${isNumber ? "" : "norm "}${value}`),
    svg("rect", { x: left, y: top, width, height: side, class: "paper" }), picture,
    svg("rect", { x: left, y: top, width, height: side, rx: isWide ? 2 : 1, class: "rim" }), norm,
  );
}

function arrow({ forwardWidth, gradientWidth }, { d, norm, kind, frames, isStopped = false }) {
  const width = (kind === "gradient" ? gradientWidth : forwardWidth)(norm);
  return svg("path", { d, class: `arrow ${kind}`, "stroke-width": width.toFixed(2), ...lit(frames),
    "marker-end": isStopped ? null : `url(#head-${kind})` });
}

// --- the border --------------------------------------------------------------------------------

/** One border: the fakes going through, and each gradient that came there, with its wall or door. */
function drawBorder(map, number) {
  const { trace, layout, shows } = map;
  const border = trace.borders[number];
  const lanes = [border.from_call, border.to_call].map((call) => layout.lanes.find((lane) => lane.call === call));
  const [from, to] = lanes;
  const lastFrom = from.layers.at(-1);
  const firstTo = to.layers.find((layer) => trace.layers[layer].sources.includes(lastFrom)) ?? to.layers[0];
  const start = layout.spot[lastFrom].x + layout.side / 2;
  const end = layout.spot[firstTo].x - layout.side / 2;
  const x = end - (end - start) * 0.42;
  const frame = shows.border[number];
  const forward = arrow(map, { d: `${joined(start, from.y, x, to.y)} H${end}`, norm: border.value.norm, kind: "forward",
    frames: [frame, shows.layer[firstTo]] });
  const gradients = trace.border_gradients.flatMap((gradient, g) => (gradient.border === number ? [{ gradient, g }] : []));
  const thick = layout.isWide ? 9 : Math.max(3, layout.pitch * 0.22);
  const reach = layout.side / 2 + (layout.isCompact ? 3 : layout.isWide ? 8 : 2);
  const shapes = [border.kind === "detached" ? "slit" : DRAWN_AS[border.kind], ...gradients.map(({ gradient }) => DRAWN_AS[gradient.kind])];
  const joints = shapes.map((shape, i) => ({ above: shape !== "door" || shapes[i - 1] !== "door", below: shape !== "door" || shapes[i + 1] !== "door" }));
  const sameDoor = shapes[0] === "door" ? gradients.filter(({ gradient }) => gradient.kind === "carried").map(({ g }) => shows.gradient[g]) : [];
  return svg("g", {}, forward, gate(map, { x, y: to.y, reach, thick, shape: shapes[0], frames: [frame, ...sameDoor], ...joints[0] }),
    gradients.map(({ gradient, g }, i) => drawBorderGradient(map,
      { gradient, g, from, to, firstTo, lastFrom, x, start, end, thick, reach, joint: joints[i + 1] })));
}

function drawBorderGradient(map, { gradient, g, from, to, firstTo, lastFrom, x, start, end, thick, reach, joint }) {
  const { trace, layout, shows } = map;
  const row = to.rows.find((r) => r.pass === gradient.backward_pass);
  if (!row) return null;
  const beyond = gradient.at_output === null ? null
    : from.rows.find((r) => r.pass === gradient.backward_pass || trace.backward_passes[r.pass].carries === gradient.border);
  const isWall = gradient.kind === "detached";
  const frame = shows.gradient[g];
  const text = (value, dx, anchor, dy = -7) => layout.isWide
    ? svg("text", { x: x + dx, y: row.y + dy, class: `norm ${anchor}`, ...lit([frame]) }, value) : null;
  const arriving = gradient.at_input && arrow(map, {
    d: line(end, row.y, x + (isWall ? thick / 2 + 1 : beyond ? 0 : thick)), norm: gradient.at_input.norm, kind: "gradient",
    frames: [shows.back[row.backs[firstTo]], frame], isStopped: !isWall && beyond });
  const leaving = beyond && arrow(map, { d: joined(x, row.y, start, beyond.y), norm: gradient.at_output.norm, kind: "gradient",
    frames: [frame, shows.back[beyond.backs[lastFrom]]] });
  return svg("g", {},
    gate(map, { x, y: row.y, reach, thick, shape: DRAWN_AS[gradient.kind], frames: [frame], ...joint }), arriving, leaving,
    gradient.at_input && text(digits(gradient.at_input.norm), 10, "start"),
    isWall ? text("0", -10, "end") : beyond ? text(digits(gradient.at_output.norm), -10, "end", beyond.y < row.y ? 14 : -7) : null);
}

/** A piece of the border as an architect draws it: a wall hatched, a door as a gap with its leaf and swing. One door
 * may be open for several rows: then only the first has the jamb above, and only the last the one below. */
function gate({ layout }, { x, y, reach, thick, shape, frames, above = true, below = true }) {
  const [left, top] = [x - thick / 2, y - reach];
  const solid = (from, to) => svg("rect", { x: left, y: from, width: thick, height: Math.max(0, to - from), class: "wall" });
  const gap = shape === "slit" ? (layout.isWide ? 5 : 2) : reach * 0.62;
  if (shape === "open") return svg("g", { class: "gate open", ...lit(frames) }, svg("line", { x1: x, x2: x, y1: top, y2: y + reach }));
  if (shape === "wall") return svg("g", { class: "gate", ...lit(frames) }, solid(top, y + reach));
  const leaf = 1.5 * gap;
  const door = shape === "door" && above ? svg("path", { d: `M${left} ${y - gap} h${-leaf} a${leaf} ${leaf} 0 0 0 ${leaf} ${leaf}`, class: "leaf" }) : null;
  return svg("g", { class: `gate ${shape}`, ...lit(frames) }, above ? solid(top, y - gap) : null,
    below ? solid(y + gap, y + reach) : null, door);
}

/** The map's legend, in words and lines. */
function mapLegend() {
  const sample = (kind, d) => svg("svg", { width: 34, height: 8, viewBox: "0 0 34 8", "aria-hidden": "true" },
    svg("path", { d, class: `arrow ${kind}`, "stroke-width": 2.5, "marker-end": `url(#key-${kind})` }));
  const border = (shape) => svg("svg", { width: 20, height: 14, viewBox: "-12 0 20 14", "aria-hidden": "true" },
    gate({ layout: { isWide: false } }, { x: 3, y: 7, reach: 7, thick: 5, shape, frames: [] }));
  return [
    svg("svg", { width: 0, height: 0, class: "unseen", "aria-hidden": "true" }, svg("defs", {}, ["forward", "gradient"].map((kind) =>
      [arrowHead(kind, "key", 7), arrowHead(kind, "gate", 24)]))), // for all that is drawn outside of the map
    html("span", {}, sample("forward", "M0 4 H32"), "numbers forward"),
    html("span", {}, sample("gradient", "M34 4 H2"), "gradients back"),
    html("span", { class: "roomy" }, "wider: a greater norm (log)"),
    html("span", {}, border("wall"), "wall"),
    html("span", {}, border("door"), "door"),
  ];
}
