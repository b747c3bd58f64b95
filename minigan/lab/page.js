/* The page: what is pressed, and what is shown. */

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const wide = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 1100px)"); // what is told of may lie below the window
const SPEEDS = { slower: 0, usual: 1.5, faster: 4 }; // how many times as long steps may take as the last picture did
const RATE = 240; // steps a second at the usual speed, as far as it goes
const [LEAST, MOST] = [12, 300]; // milliseconds of steps a picture
const CALM_PAUSE = 700; // between pictures, for those who want no motion
const FRAME_PAUSE = 2200; // between frames of slow motion that plays
const SELDOM = 300; // milliseconds between two drawings of the curves
const FOLLOWED = 3; // fakes that slow motion follows

const asked = new URLSearchParams(location.search);
const known = (lang) => (Object.hasOwn(TEXTS, lang ?? "") ? lang : undefined);
let language = known(asked.get("lang")) ?? navigator.languages.map((l) => l.slice(0, 2)).find(known) ?? "en";
let languageChosen = false; // by the button or after the #: then the address says so
let game, curves, seen; // the state; its curves; what was last looked at
let playing = null; // the timer or the request of the next picture
let playedTo = Infinity; // a story's play ends at this step
let slow = null; // {frames, at, k, turn, names}: the step that slow motion is in
let told = 0; // the part of the story
let pictured = 0, cost = LEAST, curvesDrawn = 0; // when the last picture was done, what it took, when curves were last drawn
let colours;

const t = (name) => TEXTS[language][name];

// --- a state ------------------------------------------------------------------------------------------------

/* Begin with a state, and compute its steps; a picture now and then, so that the page stays alive. */
function load(state, then = () => {}) {
  pause(false);
  leaveSlow();
  game = newGame(state.chosen, state.drawn);
  curves = [];
  note();
  const changes = [...state.history].sort((a, b) => a[0] - b[0]), every = Math.max(10, Math.ceil(state.steps / 200));
  pictured = performance.now();
  const goOn = () => {
    const until = performance.now() + 120;
    for (let done = false; performance.now() < until;) {
      while (changes.length && changes[0][0] <= game.steps) {
        const [, name, value] = changes.shift();
        (EDITS.includes(name) ? changePoints : change)(game, name, value);
      }
      done = game.steps >= state.steps || !canLearn(game) || brokenStep(game);
      if (done) { loaded(then); return; }
      makeStep(game);
      if (game.steps % every === 0) note();
    }
    playing = setTimeout(goOn, 0);
    if (performance.now() - pictured < 500 + 4 * cost) return;
    timed(performance.now(), () => { note(); show(); });
    say(t("computing")(game.steps, state.steps));
  };
  goOn();
}

function loaded(then) {
  playing = null;
  note();
  show();
  showPlayer();
  remember();
  if (broken()) stopBroken();
  else then();
}

const stateNow = () => ({
  chosen: game.chosen, drawn: game.begun, steps: game.steps, history: game.history,
  view: { story: told && told + 1, speed: byId("speed").value === "usual" ? "" : byId("speed").value, lang: languageChosen ? language : "", slow: slow?.k },
});

/* The address tells the state; a frame in another page may forbid that. */
function remember() {
  const query = languageChosen ? location.search.replace(/([?&])lang=[^&]*(&|$)/, (_, before, after) => (after ? before : "")) : location.search;
  try {
    history.replaceState(null, "", `${location.pathname}${query}#${writeState(stateNow())}`);
  } catch {
    return;
  }
}

/* How a state is looked at, as the address has it. */
function view({ story, speed, lang }) {
  told = Math.min(STORY.length, Math.max(1, story)) - 1;
  if (known(lang)) [language, languageChosen] = [lang, true];
  translate();
  byId("speed").value = Object.hasOwn(SPEEDS, speed) ? speed : "usual";
}

function arrive() {
  const state = readState(location.hash.slice(1) || document.body.dataset.state), { slow: k } = state.view;
  view(state.view);
  load(state, () => {
    if (k) toggleSlow();
    while (slow && slow.k < Math.min(k, slow.names.length)) nextFrame();
  });
}

function note() {
  seen = look(game);
  keep(curves, figures(game, seen));
}

// --- what is pressed ----------------------------------------------------------------------------------------

function play(to = Infinity) {
  if (playing !== null || refuses()) return;
  playedTo = to;
  pictured = performance.now();
  schedule();
  showPlayer();
}

function schedule() {
  if (slow) playing = setTimeout(tick, FRAME_PAUSE);
  else playing = calm.matches ? setTimeout(tick, CALM_PAUSE) : requestAnimationFrame(tick);
}

/* Steps, then a picture of them. A picture may take long: where it does, more steps are made for each. */
function tick() {
  if (slow) nextFrame();
  else {
    const begun = performance.now(), speed = byId("speed").value, since = begun - pictured, painting = calm.matches ? 0 : Math.max(0, since - 17);
    const budget = calm.matches ? MOST : Math.min(MOST, Math.max(LEAST, SPEEDS[speed] * (cost + painting)));
    const most = { slower: 1, usual: Math.max(4, Math.round((RATE * since) / 1000)), faster: Infinity }[speed];
    for (let k = 0; k < most && game.steps < playedTo && !brokenStep(game) && performance.now() < begun + budget; k++) makeStep(game);
    timed(performance.now(), () => { note(); picture(); });
    if (broken()) { stopBroken(); return; }
    if (game.steps >= playedTo) { pause(); return; }
  }
  if (playing !== null) schedule();
}

function timed(begun, draw) {
  draw();
  pictured = performance.now();
  cost = pictured - begun;
}

const broken = () => brokenStep(game) || !seen.fakes.data.every(Number.isFinite) || !Number.isFinite(seen.fake);

/* Why no step can be taken, or "". */
const trouble = () => (!canLearn(game) ? t("drawFirst") : broken() ? t("brokenAt")(game.steps) : "");

function refuses() {
  if (trouble()) say(trouble());
  return !!trouble();
}

function stopBroken() {
  pause(false);
  show();
  say(trouble());
}

/* aloud: whether it is said where it was paused. */
function pause(aloud = true) {
  const on = playing !== null;
  clearTimeout(playing);
  cancelAnimationFrame(playing);
  playing = null;
  if (!game) return;
  showPlayer();
  if (on) showSeldom();
  remember();
  if (aloud) say(t("pausedAt")(game.steps, scored()));
}

/* One step, or one frame of it; turns: who learns in it, if not as chosen. */
function oneStep(turns) {
  pause(false);
  if (slow && !turns) { nextFrame(); return; }
  leaveSlow();
  if (refuses()) { show(); showPlayer(); return; }
  const usual = game.options.turns;
  turns ??= usual;
  if (turns !== usual) change(game, "turns", turns);
  makeStep(game);
  if (turns !== usual) change(game, "turns", usual);
  note();
  show();
  showPlayer();
  remember();
  say(trouble() || t("pausedAt")(game.steps, scored()));
}

function restart(changes = {}) {
  const chosen = { ...game.chosen };
  for (const [, name, value] of game.history) if (!EDITS.includes(name)) chosen[name] = value; // as it is set now
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
  curvesDrawn = -Infinity;
  picture();
  showChoices();
  showField();
}

/* What moves while it plays; the curves, and the plane in words, less often than the points. */
function picture() {
  drawPlane(byId("plane"), game, { ...shownNow(), moving: playing !== null && !slow && !calm.matches }, colours);
  text("steps", game.steps);
  showBorder(slow ? borderOfBatch(game) : seen);
  text("trouble", trouble());
  byId("trouble").hidden = !trouble();
  showFrame();
  if (slow || performance.now() - curvesDrawn > SELDOM) showSeldom();
}

/* Slow motion shows its own batch, with three rings; else the fakes of fixed noise are shown. */
function shownNow() {
  const { fake, intoG, border } = game.last, at = intoG ?? border;
  if (!slow) return { ...seen, ringed: 0 };
  return { fakes: fake ?? seen.fakes, arrows: at ? matrix(at.rows, at.columns, at.data.map((v) => -v * at.rows)) : null, ringed: fake ? FOLLOWED : 0 };
}

function showSeldom() {
  if (!game || !seen) return;
  const { fakes } = shownNow();
  byId("plane").setAttribute("aria-label", t("plane")({ reals: game.reals.rows, fakes: fakes.rows, scored: scored() }) + outsideInWords(fakes));
  text("outside", outsideInWords(fakes));
  if (!slow) drawCharts(byId("charts"), curves, game.history.map(([step]) => step), seen.of, t);
  curvesDrawn = performance.now();
}

function outsideInWords(fakes) {
  const { left, right, above, below } = outside(fakes), all = left + right + above + below;
  return all ? t("outside")(all, fakes.rows) : "";
}

/* A text that is the same stays as it is: nothing has to be laid out again. */
function text(id, value) {
  if (byId(id).textContent !== String(value)) byId(id).textContent = value;
}

/* of: {border, intoG, factor, slope, real, fake}, of what is shown or of slow motion's batch. */
function showBorder({ border, intoG, factor, slope, real, fake }) {
  const number = (id, v) => { text(id, v === null || v === undefined ? "–" : shown(v)); byId(id).value = v ?? ""; };
  number("norm-D", border && norm(border.data));
  number("norm-G", intoG && norm(intoG.data));
  const difference = border && intoG && apart({ border, intoG });
  number("difference", difference);
  byId("border").classList.toggle("apart", difference > 0);
  number("factor", factor);
  number("slope", slope);
  number("answer-real", real);
  number("answer-fake", fake);
}

const scored = () => (!canLearn(game) ? t("drawFirst") : seen.of > 1 ? t("scoredModes")(seen.covered, seen.of, percent(seen.good)) : t("scoredShare")(percent(seen.covered), percent(seen.good)));

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
  byId("legend").querySelector(".scale").lastChild.textContent = t(isProbability(game) ? "scaleProbability" : "scaleScore");
  byId("drawing").hidden = game.options.data !== "drawn";
}

/* On a phone, or a narrow window, what is told of stands under the plane: it is in view once the plane is at the top. */
function toPlane() {
  if (narrow.matches) byId("plane").scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
}

function say(text) {
  byId("spoken").textContent = text;
}

// --- all together -------------------------------------------------------------------------------------------

/* Who hides the choice of turns hides these keys too. */
function turn(who) {
  if (!byId(`turn-${who}`).classList.contains("taken-away")) oneStep(who);
}

function onKey(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.altKey || event.ctrlKey || event.metaKey || target.closest("select, input, #field")) return;
  const act = { ArrowRight: () => oneStep(), d: () => turn("D"), g: () => turn("G"), " ": () => (playing === null ? play() : pause()) }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
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

/* A file's address leads nowhere on another computer: then only the state is copied. */
async function copyLink() {
  remember();
  const served = location.protocol.startsWith("http"), copied = served ? location.href : `#${writeState(stateNow())}`;
  try { await navigator.clipboard.writeText(copied); byId("link").textContent = t("copied"); } catch { prompt(t("link"), copied); }
  text("notice", served ? "" : t("copiedState"));
  setTimeout(() => { byId("link").textContent = t("link"); }, 1500);
}

function turnPage(by) {
  told += by;
  tell();
  if (playing === null) remember();
}

function begin() {
  colours = palette();
  const on = (id, act, kind = "click") => byId(id).addEventListener(kind, act);
  on("play", () => (playing === null ? play() : pause()));
  on("step", () => oneStep());
  on("turn-D", () => oneStep("D"));
  on("turn-G", () => oneStep("G"));
  on("slow", toggleSlow);
  on("again", () => restart());
  on("turns", () => chose("turns", byId("turns").value), "change");
  on("language", () => {
    [language, languageChosen] = [language === "en" ? "zh" : "en", true];
    translate();
    show();
    showPlayer();
    if (playing === null) remember();
  });
  on("speed", () => { if (playing === null) remember(); }, "change");
  on("theme", () => {
    const dark = byId("theme").getAttribute("aria-pressed") !== "true";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").setAttribute("aria-pressed", String(dark));
    repaint();
  });
  on("link", copyLink);
  on("story-do", () => { STORY[told](); toPlane(); });
  on("story-previous", () => turnPage(-1));
  on("story-next", () => turnPage(1));
  on("field", pressed, "pointerdown");
  on("field", moved, "pointermove");
  on("field", moveCross, "keydown");
  on("field", showField, "focus");
  on("field", showField, "blur");
  on("clear", () => edit("drop", game.drawn));
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", arrive);
  new ResizeObserver(() => { if (game) show(); }).observe(byId("plane"));
  byId("theme").setAttribute("aria-pressed", String(wide.matches));
  wide.addEventListener("change", repaint);
  arrive();
}

begin();
