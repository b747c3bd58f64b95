// The page: which frame is on show, and all the ways to go to another.

/** A trace as it stands in the page's JSON; where a summary is meant, its number becomes the summary. */
function readTrace(text) {
  const trace = JSON.parse(text);
  const arrays = trace.arrays;
  const array = (number) => (number === null ? null : arrays[number]);
  const take = (things, ...names) => {
    for (const thing of things) for (const name of names) thing[name] = Array.isArray(thing[name]) ? thing[name].map(array) : array(thing[name]);
  };
  take(trace.layers, "inputs", "output");
  for (const layer of trace.layers) take(layer.parameters, "value");
  take(trace.calls, "inputs", "output");
  take(trace.layer_backwards, "grad_output", "grad_inputs");
  for (const back of trace.layer_backwards) take(back.parameters, "gradient");
  take(trace.borders, "value");
  take(trace.border_gradients, "at_input", "at_output");
  for (const update of trace.updates) take(update.parameters, "weight", "gradient");
  take(trace.frames, "input", "output", "grad_output", "grad_input");
  take(trace.comparisons, "gradient");
  return trace;
}

const trace = readTrace(byId("trace").textContent);
const last = trace.frames.length - 1;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const PACE = { border: 5000, loss: 3000, update: 3500 }; // milliseconds; the border is what one came to see
const USUAL_PACE = 1300;

let current = 0;
let timer = null; // runs while the page plays
let lightMap = () => {};

// --- going to a frame --------------------------------------------------------------------------

/** Show a frame. Numbers on show and in the address begin with 1. */
function show(index) {
  current = Math.min(last, Math.max(0, index));
  const frame = trace.frames[current];
  byId("where").replaceChildren(
    html("span", { class: "turn" }, turnName(frame.turn) || "The step"), html("span", {}, DIRECTIONS[frame.direction](frame)));
  byId("title").textContent = said(frame.title);
  byId("note").textContent = said(frame.note);
  byId("note").hidden = frame.border_gradient !== null; // its picture says it, and larger
  byId("explained").replaceChildren(...explanation(trace, frame).filter(Boolean));
  byId("content").replaceChildren(...frameContent(trace, current).filter(Boolean));
  byId("content").dataset.frame = current + 1;
  byId("slider").value = current + 1;
  byId("slider").setAttribute("aria-valuetext", said(`Frame ${current + 1} of ${last + 1}: ${frame.title}`));
  byId("jump").value = String(current + 1);
  byId("count").textContent = `${current + 1} / ${last + 1}`;
  for (const [id, end] of [["first", 0], ["previous", 0], ["next", last], ["last", last]]) {
    byId(id).setAttribute("aria-disabled", String(current === end));
  }
  if (timer === null) byId("spoken").textContent = said(`Frame ${current + 1} of ${last + 1}: ${frame.title}`);
  lightMap(current);
  remember();
}

const DIRECTIONS = {
  enter: () => "comes in",
  forward: () => "forward",
  loss: () => "the loss",
  border: (frame) => (frame.way === "backward" ? "the border, on the way back" : "the border, on the way forward"),
  backward: () => "backward",
  update: () => "the update",
};

/** The frame's number goes into the address, so that one can link to it; a notebook's frame may forbid that. */
function remember() {
  try {
    history.replaceState(null, "", `#${current + 1}`);
  } catch {
    return;
  }
}

function frameInAddress() {
  const number = Number(location.hash.slice(1));
  return Number.isInteger(number) && number >= 1 ? Math.min(number - 1, last) : 0;
}

// --- playing -----------------------------------------------------------------------------------

function play() {
  if (current === last) show(0);
  const tick = () => {
    if (current === last) return pause();
    show(current + 1);
    timer = setTimeout(tick, PACE[trace.frames[current].direction] ?? USUAL_PACE);
  };
  timer = setTimeout(tick, 400);
  drawPlay();
}

function pause() {
  clearTimeout(timer);
  timer = null;
  byId("spoken").textContent = said(`Paused at frame ${current + 1}: ${trace.frames[current].title}`);
  drawPlay();
}

function drawPlay() {
  byId("play").replaceChildren(icon(timer === null ? "M5 3 L17 10 L5 17 Z" : "M4 3 h4.5 v14 h-4.5 Z M11.5 3 h4.5 v14 h-4.5 Z"));
  byId("play").setAttribute("aria-label", said(timer === null ? "Play" : "Pause"));
  document.documentElement.classList.toggle("playing", timer !== null && !calm.matches);
}

const icon = (d) => svg("svg", { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" }, svg("path", { d }));

/** Going somewhere by hand ends the playing. */
function go(index) {
  if (timer !== null) pause();
  show(index);
}

const moves = { first: () => 0, previous: () => current - 1, next: () => current + 1, last: () => last };
const keys = { ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last" };

function onKey(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.altKey || event.ctrlKey || event.metaKey || target.closest("select, .scrolls")) return;
  if (keys[event.key] && target.id !== "slider") {
    event.preventDefault();
    go(moves[keys[event.key]]());
  } else if (event.key === " " && !target.closest("button, summary, a")) {
    event.preventDefault();
    (timer === null ? play : pause)();
  }
}

// --- what stands around ------------------------------------------------------------------------

/** Runs of frames that belong together, one turn after another. */
function runs(frames, keyOf) {
  const found = [];
  frames.forEach((frame, i) => {
    const key = keyOf(frame);
    if (!found.length || found.at(-1).key !== key) found.push({ key, start: i, frames: [] });
    found.at(-1).frames.push(frame);
  });
  return found;
}

function fillJump() {
  const groups = runs(trace.frames, (frame) => turnName(frame.turn) || "The step");
  byId("jump").replaceChildren(...groups.map(({ key, start, frames }) =>
    html("optgroup", { label: key }, frames.map((frame, i) => html("option", { value: start + i + 1 }, `${start + i + 1}. `, frame.title)))));
  byId("slider").max = last + 1;
  const marks = trace.frames.flatMap((frame, i) => (frame.border_gradient !== null ? [{ i, kind: DRAWN_AS[trace.border_gradients[frame.border_gradient].kind] }]
    : frame.update !== null ? [{ i, kind: "update" }] : []));
  byId("turns").replaceChildren(svg("svg", { viewBox: `0 0 ${Math.max(1, last)} 1`, preserveAspectRatio: "none" },
    groups.map(({ key, start, frames }, n) => svg("rect", { x: start - 0.5, y: 0, width: frames.length - 0.15, height: 1, class: `turn${n % 2}` }, svg("title", {}, key))),
    marks.map(({ i, kind }) => svg("rect", { x: i - 0.3, y: 0, width: 0.6, height: 1, class: kind }))));
}

function fillAbout() {
  const about = Object.entries(trace.about).filter(([name]) => !["model", "at"].includes(name)) // they are in the title
    .map(([name, value]) => said(`${name.replaceAll("_", " ")} ${value}`));
  byId("about").textContent = about.join(" · ");
}

/** The same numbers for those who see no pictures. */
function fillTable() {
  const heads = ["frame", "turn", "what", "shape", "‖input‖", "‖output‖", "‖∂L/∂output‖", "‖∂L/∂input‖", "mean", "zeros", "NaN", "±Inf"];
  const rows = trace.frames.map((frame, i) => {
    const main = frame.grad_input ?? frame.grad_output ?? frame.output;
    const norm = (array) => cell(number(array === null ? null : array.norm));
    const gradient = frame.border_gradient === null ? null : trace.border_gradients[frame.border_gradient];
    const beyond = gradient && gradient.at_output === null ? cell(number(gradient.norm_into)) : norm(frame.grad_input);
    return html("tr", {}, html("th", { scope: "row" }, html("a", { href: `#${i + 1}` }, i + 1)), html("td", {}, frame.turn),
      html("td", {}, frame.title, frame.note ? html("small", {}, frame.note) : null), html("td", {}, main ? shapeOf(main) : "–"),
      norm(frame.input), norm(frame.output), norm(frame.grad_output), beyond,
      main ? [cell(number(main.mean)), cell(percent(main.zeros)), cell(count(main.nans)), cell(count(main.infs))] : Array.from({ length: 4 }, () => cell("–")));
  });
  byId("table").replaceChildren(
    html("caption", {}, "Mean, zeros, NaN and ±Inf are of what leaves: the gradient on the way back, else the output"),
    html("thead", {}, html("tr", {}, heads.map((head, i) => html("th", { scope: "col", class: i > 3 ? "number" : null }, head)))),
    html("tbody", {}, rows));
}

function fillCompare() {
  const content = trace.comparisons.length ? comparisonContent(trace, byId("map").clientWidth) : [];
  byId("compare").hidden = !content.length;
  byId("comparison").replaceChildren(...content);
}

function redraw() {
  fillCompare();
  lightMap = drawMap(trace, byId("drawing"));
  lightMap(current);
}

/** Pictures are painted in a theme's colours, so another theme paints them again. */
function onTheme() {
  byId("theme").setAttribute("aria-pressed", String(isDark()));
  redraw();
  show(current);
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  onTheme();
}

function onMapClick(event) {
  const lit = event.target.closest("[data-lit]");
  if (lit) go(Number(lit.dataset.lit.split(" ")[0]));
}

/** All that is on show, in the language that is chosen. */
function speak() {
  translateStanding();
  byId("legend").replaceChildren(...mapLegend());
  fillAbout();
  fillJump();
  fillTable();
  drawPlay();
  onTheme();
}

function toggleLanguage() {
  language = language === "zh" ? "en" : "zh";
  speak();
}

function start() {
  const icons = { first: "M4 4 h2.5 v12 h-2.5 Z M17 4 L7.5 10 L17 16 Z", previous: "M14 4 L5 10 L14 16 Z",
    next: "M6 4 L15 10 L6 16 Z", last: "M3 4 L12.5 10 L3 16 Z M13.5 4 h2.5 v12 h-2.5 Z" };
  for (const [id, move] of Object.entries(moves)) {
    byId(id).replaceChildren(icon(icons[id]));
    byId(id).addEventListener("click", () => go(move()));
  }
  byId("play").addEventListener("click", () => (timer === null ? play : pause)());
  byId("slider").addEventListener("input", () => go(Number(byId("slider").value) - 1));
  byId("jump").addEventListener("change", () => go(Number(byId("jump").value) - 1));
  byId("theme").addEventListener("click", toggleTheme);
  byId("language").addEventListener("click", toggleLanguage);
  byId("map").addEventListener("click", onMapClick);
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", () => go(frameInAddress()));
  addEventListener("beforeprint", () => { byId("all").open = true; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onTheme);
  low.addEventListener("change", redraw);
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 1) return; // our own drawing changes the height only
    width = entry.contentRect.width;
    redraw();
  }).observe(byId("drawing"));
  current = frameInAddress();
  speak();
}

if (trace.frames.length) start();
else byId("title").textContent = said("Nothing was recorded");
