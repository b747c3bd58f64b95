// What other objectives would have sent back to G, from the same point: the gradient's norm at the border
// and on through G's layers, by the logarithm, so that one that vanishes is seen to.

const NAMES = { minimax: "saturating (minimax)" };

const nameOf = (comparison) => NAMES[comparison.objective] ?? comparison.objective;

/** The charts, one for each degree to which D is sure, with a sentence each, and a table. */
function comparisonContent(trace, width) {
  const levels = [...new Set(trace.comparisons.map((c) => c.logit_shift))].sort((a, b) => a - b)
    .map((shift) => trace.comparisons.filter((c) => c.logit_shift === shift));
  const norms = trace.comparisons.flatMap(normsOf).filter((n) => n > 0);
  if (!norms.length) return [];
  const range = [Math.floor(Math.log10(Math.min(...norms))), Math.ceil(Math.log10(Math.max(...norms)))];
  const objectives = [...new Set(trace.comparisons.map((c) => c.objective))];
  return [
    html("p", { class: "lead" }, whatChanges(levels)),
    html("p", { class: "hint" }, ...samePoint(trace)),
    html("div", { class: "charts" }, levels.map((level) => chart(level, range, objectives, width < 480 ? CHART.narrow : CHART.wide))),
    comparisonTable(trace.comparisons),
  ];
}

/** The norms that are drawn: at the border, then at each layer's input on the way through G. */
const normsOf = (comparison) => [comparison.gradient.norm, ...comparison.layers.map((layer) => layer.norm)];

// --- sentences, from the numbers ---------------------------------------------------------------

/** How many times, in words: 2.34 times, 175 times. */
const times = (ratio) => `${digits(Number(ratio.toPrecision(3)))} times`;

/** From where all of them start; and which one the step itself took, which has sent back the same numbers. */
function samePoint(trace) {
  const arrived = trace.border_gradients.filter((g) => g.kind !== "detached" && g.at_input).map((g) => g.at_input.norm);
  const own = trace.comparisons.find((c) => !c.logit_shift && arrived.includes(c.gradient.norm));
  const point = "All start from the same point: D's logits of G(z) from which G learns in this step, with its dropout masks.";
  return own ? [`${point} The step's own objective is ${nameOf(own)}: its `, number(own.gradient.norm), " is what came to the border."] : [point];
}

/** Who is strong and who weak at the border, at one level. */
function whoIsStrong(level) {
  const sorted = [...level].sort((a, b) => b.gradient.norm - a.gradient.norm);
  const [most, least] = [sorted[0], sorted.at(-1)];
  if (least.gradient.norm === 0) return `${nameOf(least)} sends back nothing at all.`;
  const ratio = most.gradient.norm / least.gradient.norm;
  if (ratio < 3) return `All send back about as much: ${digits(least.gradient.norm)} to ${digits(most.gradient.norm)} at the border.`;
  return `${capital(nameOf(most))} sends back ${times(ratio)} as much as ${nameOf(least)}: ` +
    `${digits(most.gradient.norm)} against ${digits(least.gradient.norm)} at the border.`;
}

/** What becomes of each objective's gradient when D is sure. */
function whatChanges(levels) {
  if (levels.length < 2) return whoIsStrong(levels[0]);
  const [now, sure] = [levels[0], levels.at(-1)];
  const pairs = now.map((c) => ({ c, later: sure.find((s) => s.objective === c.objective) })).filter(({ later }) => later);
  const change = ({ c, later }) => {
    if (!later.gradient.norm) return `that of the ${nameOf(c)} loss is gone`;
    const ratio = later.gradient.norm / c.gradient.norm;
    if (ratio < 0.1) return `that of the ${nameOf(c)} loss all but vanishes, ${times(1 / ratio)} weaker`;
    if (ratio < 0.9) return `that of the ${nameOf(c)} loss becomes ${times(1 / ratio)} weaker`;
    return `that of the ${nameOf(c)} loss ${ratio > 1.1 ? `becomes ${times(ratio)} stronger` : "stays as it is"}`;
  };
  const order = [...pairs].sort((a, b) => a.later.gradient.norm / a.c.gradient.norm - b.later.gradient.norm / b.c.gradient.norm);
  return `Let D become sure that the fakes are fake (it finds them real with ${digits(sure[0].real_probability)} instead of ` +
    `${digits(now[0].real_probability)}), and look at the gradient that comes to the border: ${order.map(change).join("; ")}.`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// --- the chart ---------------------------------------------------------------------------------

const CHART = { wide: 460, narrow: 290, height: 290, left: 46, right: 12, top: 14, bottom: 58 };
const DASHES = ["", "7 4", "2 4"];

function chart(level, range, objectives, width) {
  const places = [said("border"), ...level[0].layers.map((layer) => shortKind(layer.kind))];
  const { height, left, right, top, bottom } = CHART;
  const x = (i) => left + ((width - left - right) * i) / Math.max(1, places.length - 1);
  const y = (norm) => top + ((height - top - bottom) * (range[1] - Math.log10(norm))) / (range[1] - range[0]);
  const title = level[0].logit_shift ? "A D that is sure of its answer" : "D as it is";
  return html(
    "figure", { class: "chart" },
    html("figcaption", {}, html("strong", {}, title), html("span", {}, ` finds fakes real with ${digits(level[0].real_probability)}`)),
    svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${whoIsStrong(level)}` },
      decades(range, y, width), places.map((place, i) => placeName(place, x(i))),
      svg("text", { x: left, y: height - 4, class: "axis" }, width > CHART.narrow ? "∂L/∂G(z), and after each layer on the way back to z →" : "∂L/∂G(z), then back through each layer →"),
      level.map((c) => series(c, objectives.indexOf(c.objective), x, y))),
    html("ul", { class: "series" }, level.map((c) => seriesName(c, objectives.indexOf(c.objective)))),
    html("p", {}, whoIsStrong(level)),
  );
}

/** Lines at powers of ten: each of them if there are few, else every other. */
function decades([low, high], y, width) {
  const step = Math.ceil((high - low) / 6);
  const powers = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
  return powers.map((power) => svg("g", { class: "decade" },
    svg("line", { x1: CHART.left, x2: width - CHART.right, y1: y(10 ** power), y2: y(10 ** power) }),
    svg("text", { x: CHART.left - 6, y: y(10 ** power) + 4 }, power >= -3 && power <= 3 ? String(10 ** power) : `1e${power}`.replace("-", "−"))));
}

function placeName(name, x) {
  const y = CHART.height - CHART.bottom + 14;
  return svg("text", { x, y, class: "place", transform: `rotate(-40 ${x} ${y})` }, asIs(name));
}

function series(comparison, which, x, y) {
  const points = normsOf(comparison).map((norm, i) => ({ norm, i })).filter(({ norm }) => norm > 0);
  return svg("g", { class: `series s${which % 3}` },
    svg("polyline", { points: points.map(({ norm, i }) => `${x(i)},${y(norm)}`).join(" "), "stroke-dasharray": DASHES[which % 3] }),
    points.map(({ norm, i }) => mark(which, x(i), y(norm))));
}

/** A circle, a square, a triangle: not colours alone. */
function mark(which, x, y) {
  const shapes = [
    () => svg("circle", { cx: x, cy: y, r: 3.4 }),
    () => svg("rect", { x: x - 3.2, y: y - 3.2, width: 6.4, height: 6.4 }),
    () => svg("path", { d: `M${x} ${y - 4.4} l4.2 7.4 h-8.4 z` }),
  ];
  return shapes[which % 3]();
}

function seriesName(comparison, which) {
  return html("li", {},
    svg("svg", { width: 34, height: 12, viewBox: "0 0 34 12", "aria-hidden": "true" }, svg("g", { class: `series s${which % 3}` },
      svg("line", { x1: 1, x2: 33, y1: 6, y2: 6, "stroke-dasharray": DASHES[which % 3] }), mark(which, 17, 6))),
    html("span", {}, html("b", {}, nameOf(comparison)), ` ${comparison.formula}`), number(comparison.gradient.norm));
}

function comparisonTable(comparisons) {
  const deepest = comparisons[0].layers.map((layer) => layer.name);
  const heads = ["objective", "D's probability of real", "loss", "norm at the border", ...deepest.map((name) => `norm back through ${name}`)];
  const rows = comparisons.map((c) => html("tr", {}, html("th", { scope: "row" }, nameOf(c)), cell(number(c.real_probability)), cell(number(c.loss)),
    normsOf(c).map((norm) => cell(number(norm)))));
  return html("details", {}, html("summary", {}, "The same as a table"), table("Objectives compared", heads, rows));
}
