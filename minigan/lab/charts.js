/* The curves: of the losses, the norm at the border, D's answers, the samples' quality. */

const MOST_POINTS = 500; // of a curve; then every other one is left out
const [WIDE, HIGH] = [300, 100];

/* Each chart: lines by name of a figure, its class, and the name it goes by. log: over powers of ten; a 0 has none, and is
   drawn below all of them, on a line of its own. */
const CHARTS = [
  { name: "chartLoss", lines: [["lossD", "a", () => "L(D)"], ["lossG", "b", () => "L(G)"]] },
  { name: "chartBorder", lines: [["border", "c", () => "‖∂L(G)/∂G(z)‖"]], log: true },
  { name: "chartAnswers", lines: [["real", "a", () => "D(x)"], ["fake", "b", () => "D(G(z))"]] },
  { name: "chartScores", lines: [["covered", "a", (t, of) => t(of > 1 ? "chartModes" : "chartCovered")], ["good", "b", (t) => t("chartGood")]], from: 0, to: 1 },
];

function keep(curves, figures) {
  curves.push(figures);
  if (curves.length > MOST_POINTS) curves.splice(0, curves.length, ...curves.filter((_, i) => i % 2 === 0 || i === curves.length - 1));
}

/* t: texts by name. of: how many modes there are, or 1 for a share. */
function drawCharts(room, curves, changes, of, t) {
  const last = curves.at(-1), end = Math.max(1, last?.step ?? 1);
  CHARTS.forEach((chart, i) => {
    const title = room.children[i]?.querySelector("h3") ?? addChart(room);
    const named = chart.lines.map(([name, , called]) => `${called(t, of)} ${value(last, name, of)}`);
    const texts = chart.lines.map(([, kind], k) => element("span", { class: kind }, named[k]));
    title.replaceChildren(element("span", {}, t(chart.name)), ...texts);
    const svg = room.children[i].querySelector("svg");
    svg.setAttribute("aria-label", `${t(chart.name)}: ${named.join(", ")}`);
    const transformed = (p, name) => (chart.log ? Math.log10(p[name]) : p[name]);
    const zero = chart.log && chart.lines.some(([name]) => curves.some((p) => p[name] === 0));
    const numbers = chart.lines.flatMap(([name]) => curves.map((p) => transformed(p, name))).filter(Number.isFinite);
    let low = chart.from ?? Math.min(...numbers), high = chart.to ?? Math.max(...numbers);
    if (chart.log) { [low, high] = [Math.floor(low), Math.ceil(high)]; if (high - low < 2) low = high - 2; }
    if (!numbers.length) [low, high] = chart.log ? [-2, 0] : [0, 1];
    else if (!(high - low > 1e-9)) { low -= 0.5; high = low + 1; }
    const X = (step) => (step / end) * WIDE, floor = zero ? HIGH / 2 : HIGH; // where low is
    const Y = (v) => (v === -Infinity ? HIGH : floor - ((v - low) / (high - low)) * floor);
    const label = (v) => (chart.log ? shown(10 ** v) : chart.to ? percent(v) : shown(Number(v.toPrecision(2))));
    svg.replaceChildren(
      ...[low, high, ...(zero ? [-Infinity] : [])].map((v) => element("line", { x1: 0, x2: WIDE, y1: Y(v), y2: Y(v) })),
      ...changes.filter((step) => step > 0 && step < end).map((step) => element("line", { class: "change", x1: X(step), x2: X(step), y1: 0, y2: HIGH })),
      ...chart.lines.map(([name, kind]) => element("path", { class: kind, d: path(curves.map((p) => [X(p.step), Y(transformed(p, name)), zero && p[name] === 0])) })),
    );
    const scale = room.children[i].querySelector(".ends");
    scale.replaceChildren(element("span", {}, label(high)), element("span", {}, label(low)), ...(zero ? [element("span", {}, "0")] : []));
  });
}

const value = (point, name, of) => (!point ? "" : name === "covered" && of > 1 ? `${Math.round(point.covered * of)}/${of}` : name === "covered" || name === "good" ? percent(point[name]) : shown(point[name]));

/* A line through places, each x, y and whether it is a log chart's 0: from there to another height there is no line. */
function path(places) {
  let d = "", pen = "M", below = null;
  for (const [x, y, zero] of places) {
    if (zero !== below) pen = "M";
    if (Number.isFinite(y)) { d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}${pen === "M" ? "h0.5" : ""}`; pen = "L"; } else pen = "M";
    below = zero;
  }
  return d;
}

function addChart(room) {
  const title = element("h3"), svg = element("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  room.append(element("div", { class: "chart" }, title, element("div", { class: "plot" }, svg, element("div", { class: "ends", "aria-hidden": "true" }))));
  return title;
}
