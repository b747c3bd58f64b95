// A chart of figures over the steps. All charts share a cursor: the values beside the names are those of its step.

const HEIGHT = 190;
const MARGIN = { left: 46, right: 10, top: 8, bottom: 22 };
const charts = new Map(); // by their keys: those on show
let cursor = null; // the step that is looked at; null: the last one

/** Round numbers between two ends, about as many as wanted. */
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  const found = [];
  for (let t = Math.ceil(low / size) * size; t <= high + size * 1e-6; t += size) found.push(Math.abs(t) < size * 1e-6 ? 0 : t);
  return found;
}

/** The powers of ten between two ends; with few of them, what is between them too. */
function logTicks(low, high) {
  const found = [];
  const few = Math.log10(high / low) < 2;
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high) + 1e-9; p++) {
    for (const m of few ? [1, 2, 5] : [1]) found.push(m * 10 ** p);
  }
  const inside = found.filter((t) => t >= low * 0.999 && t <= high * 1.001);
  const every = Math.ceil(inside.length / 6);
  return inside.filter((_, i) => i % every === 0);
}

const plain = (x) => (Math.abs(x) >= 1e4 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(0).replace("e+", "e") : String(Number(x.toPrecision(3)))).replaceAll("-", "−");

/** A figure; of a whole number, such as how many modes there are, all digits. */
const figure = (x) => (Number.isInteger(x) ? count(x) : number(x));

class Chart {
  /** bounds: the least that the vertical axis shows. log: whether it may be logarithmic. */
  constructor(title, { bounds = null, log = false, note = "", height = HEIGHT } = {}) {
    Object.assign(this, { title, bounds, log, height, series: [] });
    this.picture = svg("svg", { role: "img", tabindex: 0, height });
    this.legend = html("ul", { class: "legend" });
    this.note = html("small", {}, note);
    this.element = html("figure", { class: "chart" }, html("figcaption", {}, html("h3", {}, title), this.note), this.legend, this.picture);
    this.picture.addEventListener("pointermove", (event) => lookAt(this.stepAt(event)));
    this.picture.addEventListener("pointerleave", () => lookAt(null));
    this.picture.addEventListener("blur", () => lookAt(null));
    this.picture.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** series: of {label, colour, dash, steps, values, real}. */
  update(series) {
    this.series = series.filter((s) => s.steps.length);
    this.draw();
  }

  draw() {
    const width = Math.round(this.element.clientWidth - 34);
    if (width < 80) return;
    const values = this.series.flatMap((s) => [...s.values, s.real]).filter((v) => v !== null && v !== undefined);
    const steps = this.series.flatMap((s) => s.steps);
    const positive = values.filter((v) => v > 0);
    this.isLog = this.log && positive.length === values.length && values.length > 0 && Math.max(...values) > 30 * Math.min(...values);
    let [low, high] = values.length ? [Math.min(...values, ...(this.bounds ?? [])), Math.max(...values, ...(this.bounds ?? []))] : [0, 1];
    if (this.isLog) [low, high] = [low / 1.1, high * 1.1];
    else if (high === low) [low, high] = low >= 0 ? [0, 1.25 * high || 1] : [1.25 * low, 0];
    else if (!this.bounds) [low, high] = [low >= 0 && low < 0.4 * high ? 0 : low - 0.05 * (high - low), high + 0.05 * (high - low)];
    const last = Math.max(1, ...steps);
    const inner = { width: width - MARGIN.left - MARGIN.right, height: this.height - MARGIN.top - MARGIN.bottom };
    const part = this.isLog ? (v) => Math.log(v / low) / Math.log(high / low) : (v) => (v - low) / (high - low);
    this.x = (step) => MARGIN.left + (inner.width * step) / last;
    this.y = (value) => MARGIN.top + inner.height * (1 - part(value));
    this.stepOf = (x) => ((x - MARGIN.left) / inner.width) * last;
    this.line = svg("line", { class: "cursor", y1: MARGIN.top, y2: MARGIN.top + inner.height, visibility: "hidden" });
    this.picture.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.picture.setAttribute("width", width);
    this.picture.replaceChildren(
      svg("g", { class: "ticks", "aria-hidden": "true" },
        (this.isLog ? logTicks(low, high) : ticks(low, high, 4)).map((t) => [
          svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: this.y(t), y2: this.y(t) }),
          svg("text", { class: "end", x: MARGIN.left - 6, y: this.y(t) + 4 }, plain(t))]),
        ticks(0, last, Math.max(2, Math.floor(width / 64))).map((t, i, all) =>
          svg("text", { class: i === all.length - 1 && this.x(t) > width - 30 ? "end" : "middle",
            x: i === all.length - 1 && this.x(t) > width - 30 ? width - 4 : this.x(t), y: this.height - 5 }, whole(t)))),
      svg("g", {}, this.series.map((s) => this.curve(s, width))), this.line);
    this.tell();
  }

  /** A curve; a gap where there is no number, a dot where a number stands alone. */
  curve(s, width) {
    const runs = [[]];
    s.steps.forEach((step, i) => {
      const value = s.values[i];
      if (value === null || (this.isLog && value <= 0)) runs.push([]);
      else runs.at(-1).push(`${this.x(step).toFixed(1)},${this.y(value).toFixed(1)}`);
    });
    const dots = s.steps.length < 40 && s.dots;
    const real = s.real === null || s.real === undefined ? null
      : svg("line", { class: "real", x1: MARGIN.left, x2: width - MARGIN.right, y1: this.y(s.real), y2: this.y(s.real) });
    return svg("g", { class: `curve ${s.colour}` }, real, runs.map((points) =>
      points.length === 1 || dots ? points.map((point) => svg("circle", { cx: point.split(",")[0], cy: point.split(",")[1], r: 2.5 })) : null),
      runs.map((points) => (points.length > 1 ? svg("polyline", { points: points.join(" "), "stroke-dasharray": s.dash || null }) : null)));
  }

  /** The values at the cursor, or the last ones, beside the names. */
  tell() {
    const at = this.series.map((s) => indexAt(s.steps, cursor));
    this.legend.replaceChildren(...this.series.map((s, i) => html("li", {},
      svg("svg", { class: `key curve ${s.colour}`, width: 18, height: 8, "aria-hidden": "true" },
        svg("line", { x1: 0, x2: 18, y1: 4, y2: 4, "stroke-dasharray": s.dash || null })),
      html("span", {}, s.label), " ", figure(s.values[at[i]]),
      s.real === null || s.real === undefined ? null : html("small", {}, " real ", figure(s.real)))));
    const steps = this.series.map((s, i) => s.steps[at[i]]).filter((s) => s !== undefined);
    const step = cursor === null ? Math.max(0, ...steps) : cursor;
    const said = this.series.map((s, i) => `${s.label} ${digits(s.values[at[i]])}${s.real === null || s.real === undefined ? "" : `, real samples ${digits(s.real)}`}`);
    this.picture.setAttribute("aria-label", `${this.title}, at step ${whole(step)}: ${said.join("; ") || "no figures yet"}`);
    if (!this.line) return;
    this.line.setAttribute("visibility", cursor === null ? "hidden" : "visible");
    if (cursor !== null) for (const end of ["x1", "x2"]) this.line.setAttribute(end, this.x(cursor));
    this.note.dataset.step = cursor === null ? "" : `step ${whole(cursor)}`;
  }

  stepAt(event) {
    const box = this.picture.getBoundingClientRect();
    const steps = this.longest();
    return steps.length ? steps[indexAt(steps, this.stepOf(event.clientX - box.left))] : null;
  }

  longest() {
    return this.series.reduce((most, s) => (s.steps.length > most.length ? s.steps : most), []);
  }

  onKey(event) {
    const steps = this.longest();
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") return lookAt(null);
    if (move === undefined || !steps.length || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    lookAt(steps[Math.min(steps.length - 1, Math.max(0, indexAt(steps, cursor) + move))]);
    byId("spoken").textContent = this.picture.getAttribute("aria-label");
  }
}

/** The place of the step that is nearest; of the last one without a cursor. */
function indexAt(steps, step) {
  if (step === null || !steps.length) return steps.length - 1;
  let low = 0;
  let high = steps.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle;
    else high = middle;
  }
  return step - steps[low] < steps[high] - step ? low : high;
}

function lookAt(step) {
  if (step === cursor) return;
  cursor = step;
  for (const chart of charts.values()) chart.tell();
}
