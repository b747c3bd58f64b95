// The page: which runs are on show, and their news, which it asks for every two seconds while somebody looks.

const SECONDS = 2;
const MOST_SHOWN = 6; // as many as there are colours
const ROWS = 30; // of the table

const panels = new Map(); // by the runs' keys
const told = new Map(); // what was told of each run last, and its tag
let runs = [];
let chosen = null; // the names of the runs on show; null: the newest one
let timer = null;

const shownRuns = () => runs.filter((run) => (chosen ? chosen.has(run.name) : run === runs[0])).slice(0, MOST_SHOWN);

/** What stands at an address; null if it has not changed. Raises if nobody answers. */
async function news(address, tag) {
  const answer = await fetch(address, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.status === 304) return null;
  return { status: answer.status, tag: answer.headers.get("ETag"), value: answer.ok ? await answer.json() : null };
}

async function refresh() {
  clearTimeout(timer);
  try {
    runs = (await news("/runs")).value?.runs ?? [];
    let changed = drawRuns();
    for (const { key } of shownRuns()) {
      const found = await news(`/run/${key}`, told.get(key)?.tag);
      if (found?.value) told.set(key, found);
      changed ||= found !== null;
    }
    if (changed) draw();
    else for (const { key } of shownRuns()) panels.get(key)?.tick();
    trouble(runs.length ? "" : "There is no run here yet: this page shows the first one as soon as it begins.");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // of fetch: nobody answers
    trouble("The server has ended: this is the last that it told. minigan watch shows the run again.");
  }
  clearTimeout(timer);
  timer = document.hidden ? null : setTimeout(refresh, 1000 * SECONDS);
}

function trouble(text) {
  byId("trouble").hidden = !text;
  if (byId("trouble").textContent !== text) byId("trouble").textContent = text;
}

// --- which runs ----------------------------------------------------------------------------------

/** The runs as buttons; whether other ones are on show than before. */
function drawRuns() {
  const shown = shownRuns();
  const row = byId("runs");
  row.hidden = runs.length < 2;
  const known = new Map([...row.children].map((button) => [button.dataset.key, button]));
  const buttons = runs.map((run) => {
    const button = known.get(String(run.key)) ?? html("button", { type: "button", class: "pill", "data-key": run.key });
    const index = shown.indexOf(run);
    button.setAttribute("aria-pressed", String(index >= 0));
    button.replaceChildren(html("span", { class: `dot ${index >= 0 ? `c${index}` : ""}` }), run.name, html("small", {}, ` ${STATES[run.state]}`));
    return button;
  });
  if (buttons.some((button, i) => row.children[i] !== button) || row.children.length !== buttons.length) row.replaceChildren(...buttons);
  const keys = shown.map((run) => run.key).join();
  const same = keys === byId("panels").dataset.keys;
  byId("panels").dataset.keys = keys;
  return !same;
}

function onRuns(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const run = runs.find(({ key }) => String(key) === button.dataset.key);
  chosen ??= new Set(shownRuns().map(({ name }) => name));
  if (!chosen.delete(run.name)) chosen.add(run.name);
  else if (!chosen.size) chosen.add(run.name); // one is on show at least
  history.replaceState(null, "", `#${[...chosen].map(encodeURIComponent).join("&")}`);
  refresh();
}

function chosenInAddress() {
  try {
    const names = location.hash.slice(1).split("&").filter(Boolean).map(decodeURIComponent);
    return names.length ? new Set(names) : null;
  } catch {
    return null;
  }
}

// --- what is shown of them -----------------------------------------------------------------------

function draw() {
  const shown = shownRuns().filter(({ key }) => told.get(key)?.value).map(({ key }) => [key, told.get(key).value]);
  const elements = shown.map(([key, run], i) => {
    if (!panels.has(key)) panels.set(key, new Panel(key));
    panels.get(key).update(run, `c${i}`);
    return panels.get(key).element;
  });
  const place = byId("panels");
  if (elements.some((element, i) => place.children[i] !== element) || place.children.length !== elements.length) place.replaceChildren(...elements);
  document.title = shown.length === 1 ? `${shown[0][1].name}: ${progressWords(shown[0][1])}` : "minigan runs";
  drawBroken(shown);
  drawCharts(shown);
  drawNorms(shown);
  drawTable(shown);
}

/** In words, which rules of thumb are broken. */
function drawBroken(shown) {
  const many = shown.length > 1;
  const cards = shown.flatMap(([, run]) => run.broken.map(({ rule, seen, advice }) =>
    html("section", { class: "rule" }, html("h2", {}, many ? `${rule}: ${run.name}` : rule), html("p", {}, seen),
      advice.length ? html("div", { class: "advice" }, html("p", {}, "What to try:"), html("ul", {}, advice.map((text) => html("li", {}, marked(text))))) : null)));
  const fine = shown.length && !cards.length && shown.every(([, run]) => run.curves.length);
  const content = fine ? [html("p", { class: "fine" }, "No rule of thumb is broken: D has not won, G's gradient is there, no mode is known to be missing, all numbers are finite.")] : cards;
  const place = byId("broken");
  const before = place.textContent;
  place.replaceChildren(...content);
  if (place.textContent !== before && cards.length) byId("spoken").textContent = cards.map((card) => card.querySelector("h2").textContent).join(". ");
}

/** Options stand out. */
const marked = (text) => text.split(/(--[\w-]+(?: [\w.:-]*\w)?)/).map((part, i) => (i % 2 ? html("code", {}, part) : part));

const GROUPS = [
  { key: "losses", title: "Losses", has: (name) => name.startsWith("loss") },
  { key: "D", title: "How real D finds them", has: (name) => ["D_x", "D_G_z"].includes(name), bounds: [0, 1], note: "D(x) real samples, D(G(z)) fakes" },
  { key: "border", title: "Gradient at the border", has: (name) => name.endsWith("_norm"), log: true, note: "its norm, where it leaves D and enters G" },
  { key: "others", title: "Other figures", has: () => true },
];
const OF_G = /(^|_)G($|_z)|border_norm/; // G's figures have the gradient's colour
const DASHES = ["", "5 3", "1.5 3", "8 3 2 3"];

function drawCharts(shown) {
  const many = shown.length > 1;
  const wanted = new Map();
  const add = (key, make, series) => {
    if (!wanted.has(key)) wanted.set(key, { make, series: [] });
    wanted.get(key).series.push(series);
  };
  shown.forEach(([, run], i) => {
    const counts = new Map();
    for (const curve of run.curves) {
      const group = GROUPS.find(({ has }) => has(curve.name));
      const n = counts.get(group.key) ?? 0;
      counts.set(group.key, n + 1);
      const colour = many ? `c${i}` : OF_G.test(curve.name) ? "c1" : n && group.key !== "D" ? `c${n + 1}` : "c0";
      const label = figureName(curve.label);
      add(group.key, () => new Chart(group.title, group), { ...curve, label: many ? `${label}, ${shortName(run.name)}` : label, colour, dash: many ? DASHES[n % DASHES.length] : "" });
    }
    for (const score of run.scores) {
      const note = { lower: "lower is better", higher: "higher is better" }[score.better];
      add(`score ${score.name}`, () => new Chart(score.name.replaceAll("_", " "), { note, height: 112, log: score.better === "lower" }),
        { ...score, label: many ? shortName(run.name) : "samples", colour: `c${many ? i : 4}`, dots: true });
    }
  });
  for (const key of charts.keys()) if (!wanted.has(key)) charts.delete(key);
  for (const [key, { make }] of wanted) if (!charts.has(key)) charts.set(key, make());
  const order = [...GROUPS.map(({ key }) => key), ...wanted.keys()];
  const keys = [...wanted.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  for (const [place, own] of [["curves", keys.filter((key) => !key.startsWith("score "))], ["scores", keys.filter((key) => key.startsWith("score "))]]) {
    const elements = own.map((key) => charts.get(key).element);
    if (elements.some((element, i) => byId(place).children[i] !== element) || byId(place).children.length !== elements.length) byId(place).replaceChildren(...elements);
  }
  byId("scores-section").hidden = !keys.some((key) => key.startsWith("score "));
  for (const [key, { series }] of wanted) charts.get(key).update(series);
  if (!wanted.size && shown.length) byId("curves").replaceChildren(html("p", { class: "hint" }, "No figures yet: the first line is written after 20 steps."));
}

/** The norms in the traces: a row a layer, a column a traced step. */
function drawNorms(shown) {
  const tables = shown.filter(([, run]) => run.norms.length).map(([key, run]) => normTable(key, run, shown.length > 1));
  byId("norms-section").hidden = !shown.length;
  const scrolled = byId("norms").querySelector(".scrolls")?.scrollLeft ?? 0;
  const focused = byId("norms").contains(document.activeElement);
  if (focused) return; // a link in it is being used
  byId("norms").replaceChildren(...tables, ...(tables.length ? [] : [howToTrace(shown)]));
  if (tables.length) byId("norms").querySelector(".scrolls").scrollLeft = scrolled;
}

/** Where no step was traced yet: how one gets these norms. */
function howToTrace(shown) {
  const running = shown.some(([, run]) => run.state === "running") ? "press “Trace the next step”, or " : "";
  return html("p", { class: "hint" }, `These norms are in the traces of steps, and there is none yet: ${running}train with `, html("code", {}, "--trace-every 100"), " from the start.");
}

function normTable(key, run, named) {
  const columns = run.norms.slice(-8);
  const rows = new Map();
  for (const [step, norms] of columns) for (const [call, layer, norm] of norms) {
    const name = `${call} ${layer}`;
    if (!rows.has(name)) rows.set(name, { call, layer, norms: new Map() });
    rows.get(name).norms.set(step, norm);
  }
  const all = [...rows.values()].flatMap((row) => [...row.norms.values()]).filter((norm) => norm > 0);
  const [low, high] = [Math.log10(Math.min(...all)), Math.log10(Math.max(...all))];
  const length = (norm) => (norm > 0 ? 6 + (50 * (Math.log10(norm) - low)) / (high - low || 1) : 0);
  return html("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": `Norms of the gradient, ${run.name}` }, html("table", { class: "norms" },
    named ? html("caption", {}, run.name) : null,
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "on the way back"), columns.map(([step]) =>
      html("th", { scope: "col" }, html("a", { href: `/run/${key}/trace/${step}`, target: inFrame ? "_blank" : null }, `step ${whole(step)}`))))),
    html("tbody", {}, [...rows.values()].map(({ call, layer, norms }) => html("tr", {}, html("th", { scope: "row" }, layer, html("small", {}, call)),
      columns.map(([step]) => html("td", {}, number(norms.get(step)), svg("svg", { width: 58, height: 5, "aria-hidden": "true" },
        svg("rect", { width: length(norms.get(step) ?? 0), height: 5 })))))))));
}

function drawTable(shown) {
  const many = shown.length > 1;
  const names = [...new Set(shown.flatMap(([, run]) => run.curves.map(({ label }) => label)))];
  const rows = shown.flatMap(([, run]) => {
    const steps = run.curves[0]?.steps ?? [];
    return steps.slice(-ROWS).reverse().map((step, i) => html("tr", {}, many ? html("th", { scope: "row" }, run.name) : null, html(many ? "td" : "th", { scope: many ? null : "row", class: "number" }, whole(step)),
      names.map((name) => html("td", { class: "number" }, number(run.curves.find(({ label }) => label === name)?.values.at(-1 - i))))));
  });
  byId("numbers").hidden = !rows.length;
  byId("table").replaceChildren(
    html("thead", {}, html("tr", {}, many ? html("th", { scope: "col" }, "run") : null, html("th", { scope: "col", class: "number" }, "step"),
      names.map((name) => html("th", { scope: "col", class: "number" }, figureName(name))))),
    html("tbody", {}, rows));
}

// --- what stands around --------------------------------------------------------------------------

function onTheme() {
  byId("theme").setAttribute("aria-pressed", String(isDark()));
}

byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  onTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onTheme);
byId("runs").addEventListener("click", onRuns);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
addEventListener("hashchange", () => { chosen = chosenInAddress(); refresh(); });
let width = 0;
new ResizeObserver(([entry]) => {
  if (Math.abs(entry.contentRect.width - width) < 1) return;
  width = entry.contentRect.width;
  for (const chart of charts.values()) chart.draw();
}).observe(byId("curves"));
chosen = chosenInAddress();
onTheme();
refresh();
