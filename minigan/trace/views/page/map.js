// The map of the whole step. Networks stand side by side, in the order in which their outputs enter one
// another: G, then D. Each call of one is a lane: its layers forward, and under them a row for each
// backward pass that came through. Between the networks is the border, with its walls and doors.

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
  const isHigh = layout.height > element.clientHeight; // then it is scrolled, and nothing stands beside it
  element.classList.toggle("roomy", layout.isWide && !isHigh && free > (layout.isCompact ? 60 : 90)); // over G: there the legend fits
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
  return layout.lanes.filter((lane) => lane.call !== null && lane.over).map((lane) => {
    const call = trace.calls[lane.call];
    const x = layout.left[lane.column];
    const kinds = lane.layers.map((layer) =>
      svg("text", { x: layout.spot[layer].x, y: lane.top - 4, class: "kind" }, asIs(shortKind(trace.layers[layer].kind, layout.pitch - 6))));
    const update = trace.updates.findIndex((u) => changes(u, call.owner));
    const optimizer = update < 0 ? "" : trace.updates[update].optimizer;
    const room = ((layout.left[lane.column + 1] ?? layout.width) - x - layout.pitch) / (1.3 * LETTER) - call.owner.length;
    const texts = [[call.kind, optimizer && `${optimizer} updates ${call.owner}`], ["", optimizer && `${optimizer} updates ${call.owner}`], ["", optimizer]];
    const [kind, updates] = texts.find((both) => both.join("").length + 4 < room) ?? texts.at(-1);
    const name = svg("text", { x: x + (layout.pitch - layout.side) / 2, y: lane.top - (layout.isWide ? 22 : 18), class: "network" },
      svg("tspan", { class: "letter" }, call.owner), kind && svg("tspan", { dx: 6 }, kind),
      updates && svg("tspan", { dx: kind ? 14 : 6, class: "optimizer", ...lit([shows.update[update]]) }, updates));
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
  const half = (layer) => widthOf(layout, trace.layers[layer].output) / 2;
  const d = isBelow ? bow(from.x + half(source), from.lane.y, to.lane.y, layout.pitch * 0.4)
    : joined(from.x + half(source), from.lane.y, to.x - half(number), to.lane.y);
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

/** How a line leads from one lane to another: where they stand over one another, around the ends of both, and over the
 * lower one. */
function between({ layout }, from, to) {
  if (from.column !== to.column) return joined;
  const low = from.top > to.top ? from : to;
  const lower = low.top - low.over + (from.call < to.call ? -2 : 2); // there, and beside it back
  return (x1, y1, x2, y2) => {
    const [out, back] = x1 > x2 ? [0.45, -1.3] : [-1.3, 0.45]; // to the left, past what enters other lanes
    const [first, then] = [x1 + out * layout.pitch, x2 + back * layout.pitch];
    return `M${x1} ${y1} C${first} ${y1} ${first} ${lower} ${x1} ${lower} H${x2} C${then} ${lower} ${then} ${y2} ${x2} ${y2}`;
  };
}

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
  const half = (layer) => widthOf(layout, trace.layers[layer].output) / 2;
  const d = isBelow ? bow(x - half(number), row.y, next.y, -layout.pitch * 0.4) : joined(x - half(number), row.y, there.x + half(source), next.y);
  return arrow(map, { d, norm: gradient.norm, kind: "gradient", frames: [shows.back[row.backs[number]], shows.back[next.backs[source]]] });
}

/** How wide a block is: that of one number has room for it. */
const widthOf = ({ side, isWide, isCompact }, array) => (!array.shape.length && isWide ? (isCompact ? 1.7 : 1.3) * side : side);

/** A layer's output, or its gradient: a picture, its norm beside it. */
function block({ layout }, { x, y, array, frames, isGradient, title, owner }) {
  const { side, isWide, isCompact } = layout;
  const isNumber = !array.shape.length;
  const width = widthOf(layout, array);
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
