"use strict";

// What all parts of the page draw with: elements, numbers, heat maps, histograms.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Text goes in as text, so nothing that a trace says can be markup. */
function html(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An SVG element. */
function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, SPOKEN.has(name) ? said(value) : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "")
    .map((child) => (typeof child === "string" ? said(child) : child)));
  return element;
}

const SPOKEN = new Set(["aria-label", "title", "label"]); // attributes that somebody reads or hears

/** A text that stays as it is in every language: a child of an element. */
const asIs = (text) => document.createTextNode(text);

const byId = (id) => document.getElementById(id);

// --- numbers -----------------------------------------------------------------------------------

/** Three significant digits. */
function digits(x) {
  if (x === null || x === undefined) return "–";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1e-3 || size >= 1e5) return x.toExponential(2).replace("e+", "e").replaceAll("-", "−");
  const text = size >= 100 ? String(Number(x.toPrecision(3))) : x.toPrecision(3);
  return text.replace("-", "−");
}

/** A number on show: three digits to see, and all of them as the element's value and on hovering. */
function number(x) {
  if (x === null || x === undefined) return html("span", {}, "–");
  return html("data", { value: x, title: x }, digits(x));
}

/** How many: all digits. */
const count = (n) => html("data", { value: n }, String(n));

const percent = (share) => html("data", { value: share }, `${digits(100 * share)} %`);

const shapeOf = (array) => array.shape.join("×") || "a number";

/** From a number to how wide its arrow is: by the logarithm, from 1 to `most` between the least and the greatest. */
function widthScale(norms, most) {
  const logs = norms.filter((n) => n > 0).map(Math.log10);
  const low = Math.min(...logs);
  const span = Math.max(...logs) - low || 1;
  return (norm) => (norm > 0 ? 1 + ((most - 1) * (Math.log10(norm) - low)) / span : 1);
}

/** What a border is called and drawn as, by its kind. */
const DRAWN_AS = { detached: "wall", carried: "door", attached: "open" };

// --- colours -----------------------------------------------------------------------------------

// Orange is negative and violet positive: two colours that every kind of eye tells apart. Zero is
// the paper, so that what is not there is not seen.
const COLOURS = {
  light: { negative: [172, 84, 4], zero: [255, 255, 255], positive: [76, 42, 133], bad: [0, 0, 0] },
  dark: { negative: [255, 176, 82], zero: [27, 28, 33], positive: [178, 160, 255], bad: [255, 255, 255] },
};

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The colour of a share of the scale, −1 to 1. The root brings out what is small; the legend shows it too. */
function heat(share, colours) {
  const end = share < 0 ? colours.negative : colours.positive;
  const amount = Math.sqrt(Math.min(1, Math.abs(share)));
  return colours.zero.map((zero, i) => zero + amount * (end[i] - zero));
}

const grey = (share) => [1, 1, 1].map(() => 127.5 * (1 + share));

/** Images are grey, as one knows them; all else has the two colours. */
function paintOf(array, isGradient) {
  const isImage = !isGradient && array.picture.of === "samples" && array.shape.length === 4;
  const colours = COLOURS[isDark() ? "dark" : "light"];
  return { colour: isImage ? grey : (share) => heat(share, colours), bad: colours.bad };
}

// --- pictures ----------------------------------------------------------------------------------

const BAD = -128; // a byte that stands for NaN or ±Inf

/** A picture's bytes: signed, value = byte · scale / 127. */
const bytesOf = (picture) => Int8Array.from(atob(picture.data), (c) => c.charCodeAt(0));

/** How a picture's tiles stand: how many in a row, how large each is, and the gap between them. */
function tilesOf(picture, most = Infinity) {
  const [all, rows, columns] = picture.shape;
  const tiles = Math.min(all, most);
  return { tiles, across: Math.ceil(Math.sqrt(tiles)), rows, columns, gap: tiles > 1 ? (Math.max(rows, columns) > 10 ? 2 : 1) : 0 };
}

/** How many cells of a tile hold numbers: where some numbers are folded into a near-square, the last ones may be empty. */
function numbersIn({ shape, picture }) {
  if (picture.of === "channels" || (picture.of === "samples" && shape.length === 4)) return Infinity;
  return picture.of === "features" ? shape.slice(1).reduce((all, n) => all * n, 1) : shape.reduce((all, n) => all * n, 1);
}

/** A picture's tiles in a near-square (at most `most` of them), one pixel a number, with a gap between tiles. */
function heatMap(array, isGradient, most = Infinity) {
  const { tiles, across, rows, columns, gap } = tilesOf(array.picture, most);
  const down = Math.ceil(tiles / across);
  const canvas = html("canvas", { width: across * (columns + gap) - gap, height: down * (rows + gap) - gap });
  const context = canvas.getContext("2d");
  const bytes = bytesOf(array.picture);
  const { colour, bad } = paintOf(array, isGradient);
  const known = numbersIn(array);
  for (let tile = 0; tile < tiles; tile++) {
    const image = context.createImageData(columns, rows);
    for (let i = 0; i < Math.min(rows * columns, known); i++) {
      const byte = bytes[tile * rows * columns + i];
      image.data.set([...(byte === BAD ? bad : colour(byte / 127)), 255], 4 * i);
    }
    context.putImageData(image, (tile % across) * (columns + gap), Math.floor(tile / across) * (rows + gap));
  }
  return canvas;
}

/** What the colours mean: the scale's two ends and zero. */
function colourLegend(array, isGradient) {
  const { scale, of, every } = array.picture;
  const canvas = html("canvas", { width: 101, height: 1, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const { colour } = paintOf(array, isGradient);
  for (let x = 0; x <= 100; x++) {
    context.fillStyle = `rgb(${colour(x / 50 - 1).map(Math.round).join()})`;
    context.fillRect(x, 0, 1, 1);
  }
  const bad = array.nans + array.infs ? html("p", { class: "bad" }, "NaN and ±Inf: ", html("i", {})) : null;
  const shown = { channels: "channels of one sample", samples: "samples", features: "features of one sample", numbers: "" }[of];
  const some = every > 1 ? `, every ${every}. pixel` : "";
  const what = shown ? `${array.picture.shape[0] > 1 ? array.picture.shape[0] + " " : ""}${shown}${some}` : "";
  return html(
    "div", { class: "scale" }, canvas,
    html("p", { class: "ends" }, html("span", {}, digits(-scale)), html("span", {}, "0"), html("span", {}, digits(scale))),
    bad, what ? html("p", { class: "of" }, what) : null,
  );
}

/** Bars on equal bins; their heights by the root, so that rare numbers are seen too. A line stands at zero. */
function histogram(array) {
  const { low, high, counts } = array.histogram;
  const most = Math.max(1, ...counts);
  const width = 100 / counts.length;
  const bars = counts.map((count, i) => {
    const height = count && Math.max(1, 40 * Math.sqrt(count / most));
    return svg("rect", { x: i * width + 0.3, width: width - 0.6, y: 40 - height, height });
  });
  const zero = high > low ? (-100 * low) / (high - low) : 50;
  const line = zero >= 0 && zero <= 100 ? svg("line", { x1: zero, x2: zero, y1: 0, y2: 40 }) : null;
  return html(
    "div", { class: "histogram" },
    svg("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img",
      "aria-label": `Histogram from ${digits(low)} to ${digits(high)}` }, line, bars),
    html("p", { class: "ends" }, html("span", {}, digits(low)), html("span", {}, digits(high))),
  );
}
