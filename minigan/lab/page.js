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
