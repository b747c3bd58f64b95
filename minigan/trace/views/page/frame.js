// One frame: what goes through a layer, forward and back; the border; the loss; the update.

/** All that is to be seen in a frame. */
function frameContent(trace, current) {
  const frame = trace.frames[current];
  if (frame.update !== null) return [updateTable(trace.updates[frame.update])];
  if (frame.border !== null) return [borderPicture(trace, frame)];
  if (frame.layer === null) return [entering(trace, frame)];
  const flowing = flow(trace, frame);
  return [waiting(trace, current), flowing, pixelOf(trace, frame, flowing), functionList(trace.layers[frame.layer]), parameterTable(trace, current)];
}

/** What a pixel of a convolution's output, or of the gradient at its input, adds up from. */
function pixelOf(trace, frame, flowing) {
  const layer = trace.layers[frame.layer];
  const back = frame.layer_backward === null ? null : trace.layer_backwards[frame.layer_backward];
  const { terms } = back ?? layer;
  const [target, source] = back ? [back.grad_inputs[0], back.grad_output] : [layer.output, layer.inputs[0]];
  const shown = flowing.matches(".flow") ? flowing : flowing.querySelector(".flow");
  const [left, right] = [shown.querySelector(".stack canvas.heat"), shown.querySelector(":scope > .card canvas.heat")];
  if (!terms || !target?.picture || !source?.picture || !left || !right) return null;
  const names = back ? { target: said("∂L/∂input"), source: said("∂L/∂output") } : { target: said("output"), source: said("input") };
  return back ? pixelPart(terms, target.picture, source.picture, left, right, names) : pixelPart(terms, target.picture, source.picture, right, left, names);
}

/** At the end of a backward pass through D: its gradient may wait at the door while other things are done. */
function waiting(trace, current) {
  const frame = trace.frames[current];
  const isLater = (f, i) => i > current + 1 && f.border_gradient !== null && trace.border_gradients[f.border_gradient].kind === "carried" && f.backward_pass === frame.backward_pass;
  const door = trace.frames.findIndex(isLater);
  const goesOn = (f, i) => i > current && f.layer_backward !== null && f.backward_pass === frame.backward_pass;
  if (frame.layer_backward === null || door < 0 || trace.frames.some(goesOn)) return null;
  const { at_input: arrived } = trace.border_gradients[trace.frames[door].border_gradient];
  const name = `∂L/∂${trace.frames[door].owner}.input`;
  return html("p", { class: "waits" }, arrived ? [`‖${name}‖ = `, number(arrived.norm)] : name, " waits at the door: ",
    html("a", { href: `#${door + 1}` }, `on to frame ${door + 1}`));
}

/** What enters a network, and what it makes of it in the end. */
function entering(trace, frame) {
  const call = trace.calls[frame.call];
  const through = html("div", { class: "through forward", "aria-hidden": "true" }, call.owner, flowArrow("forward"));
  return html("div", { class: `flow ${call.output.shape.length ? "" : "to-number"}` },
    html("div", { class: "stack" }, card(entryName(trace, frame), frame.output, false, "comes in")), through, card(call.label, call.output, false, "what becomes of it"));
}

const entryName = (trace, frame) => {
  const call = trace.calls[frame.call];
  const k = call.inputs.indexOf(frame.output);
  return call.input_names[k] ?? "input";
};

// --- cards -------------------------------------------------------------------------------------

/** An array: picture, numbers, histogram. */
function card(name, array, isGradient, note = null) {
  const head = html("h3", {}, name, note ? html("small", {}, note) : null);
  if (array !== null && !array.shape.length) {
    return html("div", { class: `card value ${isGradient ? "gradient" : "forward"}` }, head, number(array.mean));
  }
  if (array === null) {
    return html("div", { class: "card nobody" }, head, html("p", {}, "Nobody asks for it, so nobody computes it."));
  }
  const picture = array.picture ? picturePart(array, isGradient, `${name}, as a heat map`) : null;
  return html(
    "div", { class: `card ${isGradient ? "gradient" : "forward"}` }, head,
    html("div", { class: "parts" }, picture, html("div", { class: "figures" }, numbers(array), histogram(array))),
  );
}

function picturePart(array, isGradient, label) {
  const canvas = heatMap(array, isGradient);
  filled(canvas, { role: "img", "aria-label": label, class: `heat ${numbersIn(array) < Infinity ? "folded" : ""}` }, []);
  return html("div", { class: "picture" }, canvas, colourLegend(array, isGradient));
}

/** A summary's numbers. NaN and Inf stand out if there are any. */
function numbers(array) {
  return html(
    "dl", {},
    row("shape", shapeOf(array)), row("norm", number(array.norm), "strong"), row("mean", number(array.mean)), row("std", number(array.std)),
    row("min", number(array.min)), row("max", number(array.max)), row("zeros", percent(array.zeros)),
    row("NaN", count(array.nans), array.nans ? "alarm" : ""), row("±Inf", count(array.infs), array.infs ? "alarm" : ""),
  );
}

const row = (name, value, kind = "") => html("div", { class: kind }, html("dt", {}, name), html("dd", {}, value));

// --- a layer -----------------------------------------------------------------------------------

/** Above, the numbers from left to right; below, their gradients from right to left; each under what it is a gradient of. */
function flow(trace, frame) {
  const layer = trace.layers[frame.layer];
  const back = frame.layer_backward === null ? null : trace.layer_backwards[frame.layer_backward];
  const shown = layer.inputs.map((array, k) => ({ array, k }))
    .filter(({ k }) => layer.inputs.length === 1 || layer.sources[k] !== null); // a loss's targets are no news
  const row = (...parts) => html("div", { class: `flow ${layer.output.shape.length ? "" : "to-number"}` }, parts);
  const through = (kind) => html("div", { class: `through ${kind}`, "aria-hidden": "true" }, flowArrow(kind));
  const inputs = shown.map(({ array, k }) => card(inputName(trace, layer, k), array, false, cameFrom(trace, layer, k)));
  const output = card(layer.owner === "loss" ? layer.name : "output", layer.output, false);
  const single = (only) => html("div", { class: "flow single" }, only); // all that enters it are parameters
  if (back === null && !inputs.length) return single(output);
  if (back === null) return row(html("div", { class: "stack" }, inputs), through("forward"), output);
  const gradients = shown.map(({ k }) => card(`∂L/∂${inputName(trace, layer, k)}`, back.grad_inputs[k], true, "goes out"));
  const gradientIn = card(`∂L/∂${layer.owner === "loss" ? "L" : "output"}`, back.grad_output, true, "comes in");
  if (!gradients.length) return single(gradientIn);
  const behind = html("details", { class: "behind" }, html("summary", {}, "What went forward here"),
    row(html("div", { class: "stack" }, inputs), through("forward"), output));
  const backward = row(html("div", { class: "stack" }, gradients), through("gradient"), gradientIn);
  backward.classList.add("back");
  return html("div", {}, backward, behind);
}

function inputName(trace, layer, k) {
  const source = layer.sources[k];
  const call = source === null ? null : trace.layers[source].call;
  return layer.call === null && call !== null ? trace.calls[call].label : "input";
}

/** Who made a layer's input. */
function cameFrom(trace, layer, k) {
  const source = layer.sources[k];
  if (source !== null) return `from ${trace.layers[source].name}`;
  return layer.call === null ? null : trace.calls[layer.call].input_names[0];
}

function flowArrow(kind) {
  const d = kind === "gradient" ? "M58 8 H4" : "M2 8 H56";
  return svg("svg", { viewBox: "0 0 60 16", width: 60, height: 16 },
    svg("path", { d, class: `arrow ${kind}`, "stroke-width": 3, "marker-end": `url(#key-${kind})` }));
}

function functionList(layer) {
  if (layer.functions.length < 2) return null;
  return html("p", { class: "functions" }, "In the engine's functions: ", layer.functions.map((f) => f.name).join(" → "));
}

// --- parameters --------------------------------------------------------------------------------

const STATUS = {
  computed: "computed",
  discarded: "computed, and thrown away: no optimiser used it",
  frozen: "frozen: none is computed",
  "not asked": "not asked for: this pass computes the gradients of others only",
};

/** A layer's parameters; on the way back also their gradients, and what the next update makes of them. */
function parameterTable(trace, current) {
  const frame = trace.frames[current];
  const layer = trace.layers[frame.layer];
  if (!layer.parameters.length) return null;
  const back = frame.layer_backward === null ? null : trace.layer_backwards[frame.layer_backward];
  const rows = layer.parameters.map((p) => {
    const gradient = back?.parameters.find((g) => g.name === p.name);
    const change = gradient?.status === "computed" ? nextChange(trace, current, p.name) : null;
    const cells = back
      ? [cell(number(gradient?.gradient?.norm ?? null)), html("td", {}, gradient ? STATUS[gradient.status] ?? gradient.status : "–"), cell(number(change?.ratio ?? null))]
      : [html("td", {}, p.frozen ? "frozen" : "learns")];
    return html("tr", {}, html("th", { scope: "row" }, p.name), html("td", {}, shapeOf(p.value)), cell(number(p.value.norm)), cells);
  });
  const heads = back ? ["norm", "gradient's norm", "gradient", "next update / norm"] : ["norm", "in this pass"];
  return table("Parameters", ["parameter", "shape", ...heads], rows);
}

/** The change that the next update makes to a parameter. */
function nextChange(trace, current, name) {
  const later = trace.frames.slice(current).find((f) => f.update !== null && trace.updates[f.update].parameters.some((p) => p.name === name));
  return later ? trace.updates[later.update].parameters.find((p) => p.name === name) : null;
}

const cell = (content) => html("td", { class: "number" }, content);

function table(caption, heads, rows) {
  const isNumber = (head) => /norm|‖|update/.test(head);
  return html(
    "div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": caption },
    html("table", {}, html("caption", {}, caption),
      html("thead", {}, html("tr", {}, heads.map((head) => html("th", { scope: "col", class: isNumber(head) ? "number" : null }, head)))),
      html("tbody", {}, rows)),
  );
}

// --- the update --------------------------------------------------------------------------------

/** What an optimiser changed; a bar for each ratio, by the logarithm. */
function updateTable(update) {
  const rows = update.parameters.map((p) => html(
    "tr", {}, html("th", { scope: "row" }, p.name), html("td", {}, shapeOf(p.weight)), cell(number(p.weight.norm)),
    cell(number(p.gradient?.norm ?? null)), cell(number(p.update)), cell(number(p.ratio)), html("td", { class: "bar" }, ratioBar(p.ratio)),
  ));
  const heads = ["parameter", "shape", "‖weight‖", "‖gradient‖", "‖update‖", "update / weight", "from 0.0001 to 1"];
  const caption = `${update.optimizer}, learning rate ${update.lr}`;
  return html("div", { class: "update" }, table(caption, heads, rows),
    html("p", { class: "hint" }, "How far each parameter moves, as a share of itself. About 0.001 (the line) is a pace at which one learns."));
}

const BAR = { low: -4, high: 0, usual: -3 }; // powers of ten

function ratioBar(ratio) {
  if (!ratio) return null;
  const at = (power) => (160 * (Math.min(BAR.high, Math.max(BAR.low, power)) - BAR.low)) / (BAR.high - BAR.low);
  return svg("svg", { viewBox: "0 0 160 14", width: 160, height: 14, "aria-hidden": "true" },
    svg("rect", { width: 160, height: 8, y: 3, class: "track" }),
    svg("rect", { width: Math.max(1, at(Math.log10(ratio))), height: 8, y: 3, class: "fill" }),
    svg("line", { x1: at(BAR.usual), x2: at(BAR.usual), y1: 0, y2: 14 }));
}

// --- the border --------------------------------------------------------------------------------

/** The picture for which all the others are there: what comes to the border, and what is beyond it. */
function borderPicture(trace, frame) {
  const border = trace.borders[frame.border];
  const gradient = frame.border_gradient === null ? null : trace.border_gradients[frame.border_gradient];
  const [from, to] = [trace.calls[border.from_call], trace.calls[border.to_call]];
  const shape = DRAWN_AS[gradient ? gradient.kind : border.kind];
  const sides = gradient ? gradientSides(gradient, from, to) : valueSides(border, from, to);
  return html(
    "div", { class: `border at-${shape} ${gradient ? "backward" : "onward"}` },
    gradient ? outcome(gradient, from, to) : null,
    html("div", { class: "side left" }, sides.left), gatePicture(trace, shape, border, gradient), html("div", { class: "side right" }, sides.right),
  );
}

function valueSides(border, from, to) {
  return {
    left: side(`${from.owner}.output`, `what ${from.owner} made`, border.value, false),
    right: side(`${to.owner}.input`, `what ${to.owner} sees`, border.value, false),
  };
}

function gradientSides(gradient, from, to) {
  const nothing = [html("p", { class: "norm" }, html("small", {}, "norm"), html("data", { value: gradient.norm_into }, "0")),
    gradient.at_input?.picture ? html("div", { class: "picture" }, allZeros(gradient.at_input)) : null,
    html("p", { class: "of" }, "Nothing arrives, and nothing in ", from.owner, " is computed.")];
  const left = gradient.at_output
    ? side(`∂L/∂${from.owner}.output`, `enters ${from.owner}`, gradient.at_output, true)
    : [html("h3", {}, `into ${from.owner}`, html("small", {}, "exactly 0")), nothing];
  const right = gradient.at_input
    ? side(`∂L/∂${to.owner}.input`, `leaves ${to.owner}`, gradient.at_input, true)
    : [html("h3", {}, `∂L/∂${to.owner}.input`), html("p", { class: "of" }, "Nobody asks for it, so nobody computes it.")];
  return { left, right };
}

/** The picture of a gradient that is 0 everywhere: as the one that arrived, with nothing in it. */
function allZeros(array) {
  const data = btoa("\0".repeat(bytesOf(array.picture).length));
  const canvas = heatMap({ ...array, picture: { ...array.picture, data } }, true);
  return filled(canvas, { role: "img", "aria-label": "nothing but zeros", class: "heat" }, []);
}

function side(name, what, array, isGradient) {
  return [
    html("h3", {}, name, html("small", {}, what)),
    html("p", { class: "norm" }, html("small", {}, "norm"), number(array.norm)),
    picturePart(array, isGradient, `${name}, as a heat map`),
    html("dl", {}, row("shape", shapeOf(array)), row("mean", number(array.mean)), row("std", number(array.std)),
      row("zeros", percent(array.zeros)), row("NaN", count(array.nans), array.nans ? "alarm" : "")),
  ];
}

/** What the two sides have to do with each other. */
function outcome(gradient, from, to) {
  const names = `∂L/∂${to.owner}.input − ∂L/∂${from.owner}.output`;
  if (gradient.kind === "detached") {
    return html("p", { class: "outcome" }, html("span", {}, `into ${from.owner} goes `), html("data", { value: gradient.norm_into }, "0"),
      html("small", {}, `exactly: of this loss, ${from.owner} learns nothing`));
  }
  const difference = gradient.difference;
  const text = difference === 0 ? "0.0" : digits(difference);
  const same = difference === 0 ? "number by number the same" : "changed on the way";
  return html("p", { class: "outcome" }, html("span", {}, `max|${names}| = `), html("data", { value: difference ?? "" }, text), html("small", {}, same));
}

/** The border in plan, as an architect draws it: G is to the left, D to the right. */
function gatePicture(trace, shape, border, gradient) {
  const [middle, thick, top, bottom] = [100, 26, 2, 218];
  const isWall = shape === "wall";
  const [from, to] = isWall ? [80, 100] : [62, 158]; // the gap: a slit, or a door
  const solid = (y1, y2) => svg("rect", { x: middle - thick / 2, y: y1, width: thick, height: y2 - y1, class: "wall" });
  const leaf = 82;
  const door = shape === "door" ? [
    svg("path", { d: `M${middle - thick / 2} ${from} h${-leaf} a${leaf} ${leaf} 0 0 0 ${leaf} ${leaf}`, class: "swing" }),
    svg("line", { x1: middle - thick / 2, x2: middle - thick / 2 - leaf, y1: from, y2: from, class: "leaf" }),
  ] : [];
  const walls = shape === "open" ? [svg("line", { x1: middle, x2: middle, y1: top, y2: bottom, class: "leaf" })]
    : [solid(top, from), solid(to, bottom)];
  const forward = svg("path", { d: "M4 90 H186", class: `arrow forward ${gradient ? "past" : "now"}`, "stroke-width": gradient ? 3 : 7,
    "marker-end": "url(#gate-forward)" });
  const [words, sign] = { wall: ["wall", "detach"], door: gradient ? ["door", "carried by hand"] : ["threshold", "a leaf"], open: ["open", "one graph"] }[shape];
  return html("div", { class: "gate-picture" },
    svg("svg", { viewBox: "0 0 200 220", role: "img", "aria-label": gateInWords(trace, shape, border, gradient) },
      walls, door, forward, gradient ? gateGradient(gradient, middle, thick) : null),
    html("p", { class: "words" }, html("strong", {}, words), html("small", {}, sign)));
}

function gateGradient(gradient, middle, thick) {
  const y = gradient.at_output === null ? 158 : 130;
  if (gradient.at_output !== null) {
    return svg("path", { d: `M198 ${y} H14`, class: "arrow gradient now", "stroke-width": 8, "marker-end": "url(#gate-gradient)" });
  }
  const stop = middle + thick / 2;
  return svg("g", {},
    gradient.at_input && svg("path", { d: `M196 ${y} H${stop + 14}`, class: "arrow gradient now", "stroke-width": 8, "marker-end": "url(#gate-gradient)" }),
    svg("path", { d: `M${stop + 1.5} ${y - 24} v48`, class: "impact" }),
    svg("text", { x: 40, y: y + 12, class: "zero" }, "0"));
}

function gateInWords(trace, shape, border, gradient) {
  const from = trace.calls[border.from_call].owner;
  const to = trace.calls[border.to_call].owner;
  if (!gradient) return `${from}'s output passes into ${to}, through ${WAY[shape]}`;
  return gradient.at_output === null
    ? `The gradient comes to a wall at ${to}'s input, and stops there`
    : `The gradient passes from ${to}'s input to ${from}'s output, through ${WAY[shape]}`;
}
