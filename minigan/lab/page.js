/* The page: what is pressed, and what is shown. */

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const wide = matchMedia("(prefers-color-scheme: dark)");
const SPEEDS = { slower: 1, usual: 4, faster: Infinity }; // steps a picture
const BUDGET = 12; // milliseconds of steps a picture
const CALM_PAUSE = 700; // between pictures, for those who want no motion
const FRAME_PAUSE = 2200; // between frames of slow motion that plays
const FOLLOWED = 3; // fakes that slow motion follows

const asked = new URLSearchParams(location.search);
let language = TEXTS[asked.get("lang")] ? asked.get("lang") : navigator.languages.map((l) => l.slice(0, 2)).find((l) => TEXTS[l]) ?? "en";
let game, curves, seen; // the state; its curves; what was last looked at
let playing = null; // the timer or the request of the next picture
let playedTo = Infinity; // a story's play ends at this step
let slow = null; // {frames, at, names}: the step that slow motion is in
let told = 0; // the part of the story
let colours, cross = [0, 0];

const t = (name) => TEXTS[language][name];

// --- a state ------------------------------------------------------------------------------------------------

/* Begin with a state, and compute its steps; a picture now and then, so that the page stays alive. */
function load(state, then = () => {}) {
  pause(false);
  leaveSlow();
  game = newGame(state.chosen, state.drawn);
  curves = [];
  const changes = [...state.history].sort((a, b) => a[0] - b[0]);
  const goOn = () => {
    const until = performance.now() + 120;
    while (performance.now() < until) {
      while (changes.length && changes[0][0] <= game.steps) change(game, ...changes.shift().slice(1));
      if (game.steps >= state.steps) break;
      makeStep(game);
      if (game.steps % 10 === 0) note();
    }
    show();
    if (game.steps < state.steps) {
      playing = setTimeout(goOn, 0);
      say(t("computing")(game.steps, state.steps));
      return;
    }
    playing = null;
    showPlayer();
    remember();
    then();
  };
  goOn();
}

const stateNow = () => ({ chosen: game.chosen, drawn: game.drawn, steps: game.steps, history: game.history });

/* The address tells the state; a frame in another page may forbid that. */
function remember() {
  try {
    history.replaceState(null, "", `#${writeState(stateNow())}`);
  } catch {
    return;
  }
}

function note() {
  seen = look(game);
  keep(curves, figures(game, seen));
}

// --- what is pressed ----------------------------------------------------------------------------------------

function play(to = Infinity) {
  if (playing !== null) return;
  playedTo = to;
  schedule();
  showPlayer();
}

function schedule() {
  if (slow) playing = setTimeout(tick, FRAME_PAUSE);
  else playing = calm.matches ? setTimeout(tick, CALM_PAUSE) : requestAnimationFrame(tick);
}

function tick() {
  if (slow) nextFrame();
  else {
    const [budget, most] = [BUDGET, SPEEDS[byId("speed").value]].map((v) => v * (calm.matches ? 20 : 1)), until = performance.now() + budget;
    for (let k = 0; k < most && game.steps < playedTo && performance.now() < until; k++) makeStep(game);
    note();
    show();
    if (broken()) { pause(false); say(t("brokenAt")(game.steps)); return; }
    if (game.steps >= playedTo) { pause(); return; }
  }
  if (playing !== null) schedule();
}

const broken = () => !seen.fakes.data.every(Number.isFinite) || !Number.isFinite(seen.fake);

/* aloud: whether it is said where it was paused. */
function pause(aloud = true) {
  clearTimeout(playing);
  cancelAnimationFrame(playing);
  playing = null;
  if (!game) return;
  showPlayer();
  remember();
  if (aloud) say(t("pausedAt")(game.steps, scored()));
}

/* One step, or one frame of it; turns: who learns in it, if not as chosen. */
function oneStep(turns) {
  pause(false);
  if (slow && !turns) { nextFrame(); return; }
  leaveSlow();
  const usual = game.options.turns;
  turns ??= usual;
  if (turns !== usual) change(game, "turns", turns);
  makeStep(game);
  if (turns !== usual) change(game, "turns", usual);
  note();
  show();
  showPlayer();
  remember();
  say(t("pausedAt")(game.steps, scored()));
}

function restart(changes = {}) {
  const chosen = { ...game.chosen };
  for (const [, name, value] of game.history) chosen[name] = value; // as it is set now
  load({ chosen: { ...chosen, ...changes }, drawn: game.drawn, steps: 0, history: [] });
}

/* A choice was made: some make new networks, the others change the game that runs. */
function chose(name, value) {
  if (RESTARTS.includes(name)) {
    const on = playing !== null && !slow;
    restart({ [name]: value });
    if (on) play();
    return;
  }
  leaveSlow();
  change(game, name, value);
  note();
  show();
  showPlayer();
  if (playing === null) remember();
}

// --- slow motion --------------------------------------------------------------------------------------------

const FRAMES = ["noise", "fakes", "logits", "lossD", "backD", "updateD", "logitsG", "lossG", "backThroughD", "border", "backThroughG", "updateG"];

function toggleSlow() {
  pause(false);
  if (slow) leaveSlow();
  else slow = { frames: nextStep(game), at: null };
  if (slow) nextFrame();
  else show();
  showPlayer();
}

/* What has begun is finished: a half step is no state. */
function leaveSlow() {
  if (!slow) return;
  run(slow.frames);
  if (slow.at !== null) { game.steps += 1; note(); }
  slow = null;
}

function nextFrame() {
  const { value: name, done } = slow.frames.next();
  if (done) {
    game.steps += 1;
    note();
    slow = { frames: nextStep(game), at: null };
    remember();
    nextFrame();
    return;
  }
  slow.at = name;
  show();
  const [title, text] = t("frames")[name];
  if (playing === null) say(`${t("frameOf")(FRAMES.indexOf(name) + 1, FRAMES.length, title)}. ${text}`);
}

/* The numbers of a frame, by name. */
function frameNumbers(name, last) {
  const meanOf = (m) => mean(Array.from(m.data)), n = last.x.rows;
  switch (name) {
    case "noise": return { shapeZ: `(${last.z.rows}, ${last.z.columns})` };
    case "fakes": return { meanFake: point(rowsOf(last.fake).reduce((sum, row) => sum.map((s, k) => s + row[k] / n), last.fake.columns === 2 ? [0, 0] : [0])) };
    case "logits": return { logitReal: shown(meanOf(last.realLogits)), logitFake: shown(meanOf(last.fakeLogits)) };
    case "lossD": return { lossD: shown(last.lossD) };
    case "backD": return { ...(last.penalty ? { lossD: shown(last.lossD), penalty: shown(last.penalty) } : {}), normD: shown(last.normD) };
    case "updateD": return { movedD: shown(last.movedD) };
    case "logitsG": return { logitFake: shown(meanOf(last.logitsG)) };
    case "lossG": return { lossG: shown(last.lossG), slopeG: shown(n * meanOf(last.dLogitsG)) };
    case "backThroughD": return { border: shown(norm(last.border.data)) };
    case "border": return { border: shown(norm(last.border.data)), into: shown(norm(last.intoG.data)), difference: shown(apart(last)) };
    case "backThroughG": return { normG: shown(last.normG) };
    case "updateG": return { movedG: shown(last.movedG) };
  }
}

const point = (row) => (row.length === 1 ? shown(row[0]) : `(${row.map(shown).join(", ")})`);
const apart = ({ border, intoG }) => border.data.reduce((most, v, k) => Math.max(most, Math.abs(v - intoG.data[k])), 0);

function showFrame() {
  byId("frame").hidden = !slow;
  byId("charts").hidden = !!slow;
  if (!slow) return;
  const { at, } = slow, { last } = game, [title, text] = t("frames")[at], n = last.x.rows;
  byId("frame-title").textContent = t("frameOf")(FRAMES.indexOf(at) + 1, FRAMES.length, title);
  byId("frame-text").textContent = text;
  byId("frame-numbers").replaceChildren(...Object.entries(frameNumbers(at, last)).flatMap(([name, number]) => [element("dt", {}, t("numbers")[name]), element("dd", {}, number)]));
  const scaled = (m, k) => m && point(rowsOf(m)[k].map((v) => v * n));
  const since = (name) => FRAMES.indexOf(at) >= FRAMES.indexOf(name);
  const logits = since("logitsG") ? last.logitsG : last.fakeLogits;
  const now = { noise: 1, fakes: 2, logits: 3, logitsG: 3, lossG: 4, backThroughD: 5, border: 5 }[at];
  const [corner, ...heads] = t("columns");
  byId("followed").replaceChildren(
    element("caption", {}, t("followed")),
    element("thead", {}, element("tr", {}, element("td", {}, corner), ...heads.map((h) => element("th", { scope: "col" }, h)))),
    element("tbody", {}, ...Array.from({ length: Math.min(FOLLOWED, n) }, (_, k) => element("tr", {},
      element("th", { scope: "row" }, t("fakeNumber")(k + 1)),
      ...[point(rowsOf(last.z)[k]), last.fake && point(rowsOf(last.fake)[k]), logits && shown(logits.data[k]),
        since("lossG") && last.dLogitsG && shown(last.dLogitsG.data[k] * n), since("backThroughD") && scaled(since("border") ? last.intoG : last.border, k)]
        .map((text, column) => element("td", { class: column + 1 === now ? "now" : "" }, text || "")))),
    ),
  );
  byId("frames").replaceChildren(...FRAMES.map((name) => element("li", { "aria-current": name === at ? "step" : null }, t("frames")[name][0])));
}

// --- what is shown ------------------------------------------------------------------------------------------

function show() {
  if (!curves.length) note();
  const { last } = game, frame = slow && last.fake;
  const view = slow
    ? { fakes: last.fake ?? seen.fakes, arrows: last.intoG ?? last.border ? matrix(last.border.rows, last.border.columns, (last.intoG ?? last.border).data.map((v) => -v * last.border.rows)) : null, ringed: frame ? FOLLOWED : 0 }
    : { ...seen, ringed: 0 };
  drawPlane(byId("plane"), game, view, colours);
  byId("plane").setAttribute("aria-label", t("plane")({ reals: game.reals.rows, fakes: view.fakes.rows, scored: scored() }));
  byId("steps").textContent = game.steps;
  showBorder(slow ? last : seen);
  showFrame();
  if (!slow) drawCharts(byId("charts"), curves, game.history.map(([step]) => step), seen.of, t);
  showChoices();
  showField();
}

/* of: {border, intoG}, of what is shown or of slow motion's batch. */
function showBorder({ border, intoG }) {
  const number = (id, v) => { byId(id).textContent = v === null ? "–" : shown(v); byId(id).value = v === null ? "" : String(v); };
  number("norm-D", border ? norm(border.data) : null);
  number("norm-G", intoG ? norm(intoG.data) : null);
  const difference = border && intoG ? apart({ border, intoG }) : null;
  number("difference", difference);
  byId("border").classList.toggle("apart", difference > 0);
  number("factor", seen.factor);
  number("slope", seen.slope);
}

const scored = () => (seen.of > 1 ? t("scoredModes")(seen.covered, seen.of, percent(seen.good)) : t("scoredShare")(percent(seen.covered), percent(seen.good)));

function showPlayer() {
  byId("play").textContent = playing === null ? `▶ ${t("play")}` : `❚❚ ${t("pause")}`;
  byId("step").textContent = t(slow ? "nextFrame" : "step");
  byId("slow").setAttribute("aria-pressed", String(!!slow));
}

function showChoices() {
  for (const control of document.querySelectorAll("[data-option]")) {
    const value = game.options[control.dataset.option];
    if (control.value !== String(value) && (control.tagName === "SELECT" || document.activeElement !== control)) control.value = String(value);
  }
  for (const radio of document.querySelectorAll("#data input")) radio.checked = radio.value === game.options.data;
  for (const box of document.querySelectorAll("#mistakes input")) box.checked = !!game.options.mistakes[box.name];
  const { clips, penalizes } = OBJECTIVES[game.options.objective];
  for (const [name, fits] of [["clip", clips], ["penalty", penalizes], ["beta1", game.options.optimizer === "adam"]]) byId(`choice-${name}`).hidden = !fits;
  byId("formula").textContent = t("formulas")[game.options.objective];
  byId("drawing").hidden = game.options.data !== "drawn";
}

function say(text) {
  byId("spoken").textContent = text;
}

// --- the parts that are made once, and again for another language -------------------------------------------

const GROUPS = { // what a teacher can hide, by ?hide=
  objective: ["objective"], optimizer: ["optimizer", "beta1"], rates: ["lrG", "lrD"], critic: ["critic"], batch: ["batch"], clip: ["clip", "penalty"],
  sizes: ["widthG", "widthD", "depth", "activation"], seed: ["seed"],
};
const PLAIN = new Set(["data", "optimizer", "objective", "activation"]); // whose choices have names

function makeControls() {
  const control = (group, name) => {
    const input = name === "seed" ? element("input", { type: "number", min: 0, max: 999999, step: 1 })
      : element("select", {}, ...CHOICES[name].map((choice) => element("option", { value: choice }, PLAIN.has(name) ? t(choice) : String(choice))));
    input.dataset.option = name;
    input.addEventListener("change", () => {
      const value = readChoice(name, input.value);
      if (value === undefined) showChoices();
      else chose(name, value);
    });
    return element("label", { id: `choice-${name}`, "data-group": group, class: name === "objective" ? "wide" : null }, element("span", {}, t(name)), input);
  };
  const made = Object.entries(GROUPS).map(([group, names]) => [group, names.map((name) => control(group, name))]);
  const at = made.findIndex(([group]) => group === "sizes");
  const [[, objective], ...others] = made.slice(0, at);
  byId("controls").replaceChildren(...objective, element("p", { id: "formula", "data-group": "objective" }), ...others.flatMap(([, labels]) => labels), element("small", { "data-group": "sizes" }, t("anew")), ...made.slice(at).flatMap(([, labels]) => labels));

  byId("turns").replaceChildren(...TURNS.map((turn) => element("option", { value: turn }, t(turn === "both" ? "both" : `only${turn}`))));
  const speed = byId("speed").value || "usual";
  byId("speed").replaceChildren(...Object.keys(SPEEDS).map((name) => element("option", { value: name }, t(name))));
  byId("speed").value = speed;

  const random = () => randomStream(3, "thumbnail");
  byId("data").querySelector(".choices").replaceChildren(...CHOICES.data.map((name) => {
    const radio = element("input", { type: "radio", name: "data", value: name }), picture = element("canvas", { "aria-hidden": "true" });
    radio.addEventListener("change", () => chose("data", name));
    return element("label", {}, radio, picture, element("span", {}, t(name)));
  }));
  document.querySelectorAll("#data canvas").forEach((canvas, i) => {
    const set = POINTS[CHOICES.data[i]];
    drawSet(canvas, set.point ? rowsOf(drawPoints(set, 90, random())) : [[-0.9, -0.6], [-0.5, 0.3], [0, 0.7], [0.5, 0.3], [0.9, -0.6]], colours, set.point ? 1 : 2.2);
  });

  byId("mistakes").replaceChildren(element("legend", {}, t("mistakes")), ...MISTAKES.map((name) => {
    const box = element("input", { type: "checkbox", name, "aria-describedby": `what-${name}` });
    box.addEventListener("change", () => chose(name, box.checked));
    return element("label", {}, box, element("strong", {}, t(name)), element("small", { id: `what-${name}` }, t(`${name}What`)));
  }));
}

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = `minigan ${t("lab")}`;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  byId("language").textContent = language === "en" ? "中文" : "English";
  byId("language").lang = language === "en" ? "zh-Hans" : "en";
  byId("border-title").textContent = t("border");
  byId("field").setAttribute("aria-label", t("field"));
  const mark = (kind, text) => element("span", { class: kind }, element("i"), text);
  byId("legend").replaceChildren(mark("real", t("real")), mark("fake", t("fake")), mark("gradient", t("arrow")), mark("scale", t("scaleProbability")), mark("mesh", t("mesh")));
  makeControls();
  tell();
  hide();
}

function hide() {
  const hidden = new Set((asked.get("hide") ?? "").split(","));
  for (const node of document.querySelectorAll("[data-group]")) if (hidden.has(node.dataset.group)) node.classList.add("taken-away");
}

// --- the story ----------------------------------------------------------------------------------------------

const PERFECT = { objective: "minimax", lrD: 0.01, turns: "D" };
const LEARNED = 400; // D's steps until it is as good as perfect
const COLLAPSE = { objective: "minimax", lrG: 0.004, lrD: 0.0005 };
/* What the button of each part does. */
const STORY = [
  () => load({ chosen: {}, drawn: [], steps: 0, history: [] }, () => play(1500)),
  () => { if (game.steps < 100) load({ chosen: {}, drawn: [], steps: 100, history: [] }, toggleSlow); else if (!slow) toggleSlow(); else nextFrame(); },
  () => load({ chosen: PERFECT, drawn: [], steps: 0, history: [] }, () => play(LEARNED)),
  () => {
    const on = () => chose("objective", "non-saturating"); // and nothing else: the same D, the same fakes
    if (game.chosen.lrD === PERFECT.lrD && game.options.objective === "minimax" && game.steps === LEARNED) on();
    else load({ chosen: PERFECT, drawn: [], steps: LEARNED, history: [] }, on);
  },
  () => load({ chosen: COLLAPSE, drawn: [], steps: 0, history: [] }, () => play(600)),
  () => {
    const on = () => { chooseAll([["objective", "wgan-gp"], ["critic", 3], ["lrG", 0.001], ["lrD", 0.002]]); play(1600); };
    if (game.chosen.lrG === COLLAPSE.lrG && game.steps >= 600 && game.options.objective === "minimax") { pause(false); on(); }
    else load({ chosen: COLLAPSE, drawn: [], steps: 600, history: [] }, on);
  },
];

const chooseAll = (choices) => choices.forEach(([name, value]) => chose(name, value));

function tell() {
  const [title, text, does, answer] = t("story")[told];
  byId("story-title").textContent = title;
  byId("story-text").textContent = text;
  byId("story-do").textContent = does;
  byId("story-answer").open = false;
  byId("story-answer").querySelector("p").textContent = answer;
  byId("story-count").textContent = t("storyOf")(told + 1, STORY.length);
  byId("story-previous").setAttribute("aria-label", t("storyPrevious"));
  byId("story-next").setAttribute("aria-label", t("storyNext"));
  byId("story-previous").disabled = told === 0;
  byId("story-next").disabled = told === STORY.length - 1;
}

// --- drawing one's own points -------------------------------------------------------------------------------

function addPoint(at) {
  if (game.drawn.length >= MOST_DRAWN) return;
  const drawn = [...game.drawn, at.map(onPlace)];
  if (game.steps) restart();
  game.drawn = drawn;
  game.set = pointSet("drawn", drawn);
  game.reals = drawPoints(game.set, REFERENCE, randomStream(game.options.seed, "reference"));
  curves = [];
  show();
  remember();
}

function showField() {
  if (!byId("drawing").hidden) drawSet(byId("field"), game.drawn, colours, 3, document.activeElement === byId("field") ? cross : null);
}

function pointed(event) {
  const box = byId("field").getBoundingClientRect();
  addPoint([(((event.clientX - box.left) / box.width) * 2 - 1) * REACH, (1 - ((event.clientY - box.top) / box.height) * 2) * REACH]);
}

function moveCross(event) {
  const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
  if (by) cross = cross.map((v, k) => Math.min(1.4, Math.max(-1.4, v + by[k])));
  else if (event.key === "Enter") addPoint(cross);
  else return;
  event.preventDefault();
  event.stopPropagation();
  showField();
}

// --- all together -------------------------------------------------------------------------------------------

function onKey(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.altKey || event.ctrlKey || event.metaKey || target.closest("select, input, #field")) return;
  const act = { ArrowRight: () => oneStep(), d: () => oneStep("D"), g: () => oneStep("G"), " ": () => (playing === null ? play() : pause()) }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || (event.key === " " && target.closest("button, summary, a"))) return;
  event.preventDefault();
  act();
}

function repaint() {
  colours = palette();
  makeControls();
  hide();
  show();
}

function begin() {
  colours = palette();
  translate();
  const on = (id, act, kind = "click") => byId(id).addEventListener(kind, act);
  on("play", () => (playing === null ? play() : pause()));
  on("step", () => oneStep());
  on("turn-D", () => oneStep("D"));
  on("turn-G", () => oneStep("G"));
  on("slow", toggleSlow);
  on("again", () => restart());
  on("turns", () => chose("turns", byId("turns").value), "change");
  on("language", () => { language = language === "en" ? "zh" : "en"; translate(); show(); showPlayer(); });
  on("theme", () => {
    const dark = byId("theme").getAttribute("aria-pressed") !== "true";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").setAttribute("aria-pressed", String(dark));
    repaint();
  });
  on("link", async () => {
    remember();
    try { await navigator.clipboard.writeText(location.href); byId("link").textContent = t("copied"); } catch { prompt(t("link"), location.href); }
    setTimeout(() => { byId("link").textContent = t("link"); }, 1500);
  });
  on("story-do", () => STORY[told]());
  on("story-previous", () => { told -= 1; tell(); });
  on("story-next", () => { told += 1; tell(); });
  on("field", (event) => { byId("field").setPointerCapture(event.pointerId); pointed(event); }, "pointerdown");
  on("field", (event) => { if (event.buttons) pointed(event); }, "pointermove");
  on("field", moveCross, "keydown");
  on("field", showField, "focus");
  on("field", showField, "blur");
  on("clear", () => { game.drawn = []; restart(); });
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", () => load(readState(location.hash.slice(1))));
  new ResizeObserver(() => { if (game) show(); }).observe(byId("plane"));
  byId("theme").setAttribute("aria-pressed", String(wide.matches));
  wide.addEventListener("change", repaint);
  load(readState(location.hash.slice(1) || document.body.dataset.state));
}

begin();
