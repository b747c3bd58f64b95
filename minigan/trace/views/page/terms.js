// A pixel of a convolution's result: its window, the weights, their products, and the sum.

const DETAILED = 3; // channels whose products are shown one by one: those that add most

/** Numbers as they stand in a trace. */
function floats({ data }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** What a number of the target adds up from: for each kept channel of the source, rows of products, and their sum. */
function termsAt(terms, t, row, column) {
  const [, height, width] = terms.source.shape;
  const [, kept, KH, KW] = terms.weight.shape;
  const [source, weight, target] = [floats(terms.source), floats(terms.weight), floats(terms.target)];
  const [, outHeight, outWidth] = terms.target.shape;
  const ys = along(terms, row, KH, 0);
  const xs = along(terms, column, KW, 1);
  const channels = Array.from({ length: kept }, (_, k) => {
    const rows = ys.map(({ at: y, tap: kh }) => xs.map(({ at: x, tap: kw }) => {
      const inside = y >= 0 && y < height && x >= 0 && x < width;
      const value = inside ? source[(k * height + y) * width + x] : 0;
      const factor = weight[((t * kept + k) * KH + kh) * KW + kw];
      return { value, factor, product: value * factor, inside };
    }));
    return { k, rows, sum: rows.flat().reduce((sum, { product }) => sum + product, 0) };
  });
  const bias = terms.bias ? floats(terms.bias)[t] : null;
  const value = target[(t * outHeight + row) * outWidth + column];
  const known = channels.reduce((sum, { sum: part }) => sum + part, bias ?? 0);
  const window = { top: ys[0]?.at, left: xs[0]?.at, bottom: ys.at(-1)?.at, right: xs.at(-1)?.at };
  return { channels, bias, value, known, others: terms.channels - kept, rest: value - known, window };
}

/** Along one axis: which places of the source meet a place of the target, and at which tap of the kernel. */
function along(terms, place, taps, axis) {
  const [stride, padding, size] = [terms.stride[axis], terms.padding[axis], terms.source.shape[1 + axis]];
  const all = Array.from({ length: taps }, (_, tap) => tap);
  if (terms.gathers) return all.map((tap) => ({ tap, at: place * stride + tap - padding }));
  return all.map((tap) => ({ tap, at: (place + padding - tap) / stride }))
    .filter(({ at }) => Number.isInteger(at) && at >= 0 && at < size).sort((a, b) => a.at - b.at);
}

/** The part of a frame that shows a pixel; pointing at `canvas`, the target's picture, chooses which. */
function pixelPart(terms, picture, sourcePicture, canvas, sourceCanvas, names) {
  const says = t("pixel");
  const panel = html("section", { class: "pixel", "aria-label": says.title, "aria-live": "polite" });
  const [count, height, width] = terms.target.shape;
  const [mark, window] = [markOn(canvas), markOn(sourceCanvas)];
  const inset = insetsOf(sourceCanvas, canvas);
  let at = largest(terms);
  const draw = () => {
    const found = termsAt(terms, at.t, at.row, at.column);
    mark(picture, at.t, at.row, at.column, at.row, at.column);
    window(sourcePicture, [...found.channels].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum))[0].k, found.window.top, found.window.left, found.window.bottom, found.window.right);
    panel.replaceChildren(...pixelContent(found, at, names));
    inset.fill(...insetContent(found, at, names));
  };
  const move = (to) => {
    const inside = to.t >= 0 && to.t < count && to.row >= 0 && to.row < height && to.column >= 0 && to.column < width;
    if (inside) { at = to; draw(); }
    return inside;
  };
  const asked = canvas.parentElement;
  filled(asked, { tabindex: 0, role: "application", "aria-label": says.asks, class: "held asked" }, []);
  canvas.addEventListener("pointermove", (event) => {
    const to = pixelUnder(event, canvas, picture);
    inset.show(true);
    if (!to || move(to) || to.t < count) return;
    const notKept = () => html("p", { class: "hint" }, says.notKept(count));
    panel.replaceChildren(notKept());
    inset.fill([], [notKept()]);
  });
  canvas.addEventListener("pointerleave", () => inset.show(document.activeElement === asked));
  asked.addEventListener("focus", () => { draw(); inset.show(true); });
  asked.addEventListener("blur", () => inset.show(false));
  asked.addEventListener("keydown", (event) => {
    if (event.key === "Escape") asked.blur();
    const step = { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const every = picture.every;
    move({ t: at.t + step[0], row: at.row + every * step[1], column: at.column + every * step[2] });
  });
  draw();
  return panel;
}

/** Two places for a pixel's numbers that are seen while one looks at it: the figures of the source's card and of the
 * target's give way to them. The panel, which says it all, may lie below what the window shows. */
function insetsOf(...canvases) {
  const places = canvases.map((canvas) => canvas.closest(".card").querySelector(".figures"));
  const insets = places.map(() => html("div", { class: "inset", "aria-hidden": "true" }));
  places.forEach((place, i) => place.append(insets[i]));
  return {
    fill: (...contents) => insets.forEach((inset, i) => inset.replaceChildren(...contents[i])),
    show: (isSeen) => places.forEach((place) => place.classList.toggle("looked", isSeen)),
  };
}

/** Beside the source: the window and the weights of the channel that adds most. Beside the target: their products, and the sum. */
function insetContent(found, at, names) {
  const says = t("pixel");
  const sorted = [...found.channels].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const [{ k, rows, sum }] = sorted;
  const parts = sorted.slice(0, DETAILED).map((channel) => html("span", { class: "part" }, `${says.channel(channel.k)} `, number(channel.sum)));
  const [others, rest] = [found.others + sorted.slice(DETAILED).length, sorted.slice(DETAILED).reduce((all, channel) => all + channel.sum, found.others ? found.rest : 0)];
  if (others) parts.push(html("span", { class: "part" }, `${says.others(others)} `, number(rest)));
  if (found.bias !== null) parts.push(html("span", { class: "part" }, `${says.bias} `, number(found.bias)));
  return [
    [html("p", {}, html("b", {}, says.channel(k)), html("small", {}, sorted.length > 1 ? says.most : "")), grid(says.window + t("colon") + names.source, rows, "value"), grid(`× ${says.weights}`, rows, "factor")],
    [html("p", {}, names.target + t("comma") + says.at(at.t, at.row, at.column) + t("colon"), html("b", {}, number(found.value))),
      grid(`= ${says.products}`, rows, "product"), html("p", {}, "Σ = ", number(sum)),
      html("p", { class: "sum" }, parts.flatMap((part, i) => (i ? [" + ", part] : [part])), " = ", html("b", {}, number(found.value)))],
  ];
}

/** Where to begin: the largest number of the first channel. */
function largest(terms) {
  const [, height, width] = terms.target.shape;
  const first = [...floats(terms.target).subarray(0, height * width)].map(Math.abs);
  const i = first.indexOf(Math.max(...first));
  return i < 0 ? { t: 0, row: 0, column: 0 } : { t: 0, row: Math.floor(i / width), column: i % width };
}

/** The number that a pointer is on. Of images with one channel the tiles are samples, of which the first is known. */
function pixelUnder(event, canvas, picture) {
  const box = canvas.getBoundingClientRect();
  const { across, rows, columns, gap } = tilesOf(picture);
  const x = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
  const [tileX, tileY] = [Math.floor(x / (columns + gap)), Math.floor(y / (rows + gap))];
  const [column, row] = [x - tileX * (columns + gap), y - tileY * (rows + gap)];
  if (column >= columns || row >= rows || column < 0 || row < 0) return null;
  return { t: tileY * across + tileX, row: row * picture.every, column: column * picture.every };
}

/** Draws a frame about some pixels of a picture's tile. */
function markOn(canvas) {
  const mark = html("i", { class: "mark", "aria-hidden": "true" });
  const holder = html("div", { class: "held" });
  canvas.replaceWith(holder);
  holder.append(canvas, mark);
  return (picture, tile, top, left, bottom, right) => {
    const { across, rows, columns, gap } = tilesOf(picture);
    const clamp = (place, most) => Math.min(most, Math.max(0, Math.floor(place / picture.every)));
    const [y1, x1, y2, x2] = [clamp(top, rows - 1), clamp(left, columns - 1), clamp(bottom, rows - 1) + 1, clamp(right, columns - 1) + 1];
    const [x, y] = [(tile % across) * (columns + gap), Math.floor(tile / across) * (rows + gap)];
    mark.hidden = !(top <= bottom && left <= right) || tile >= picture.shape[0];
    const share = (n, of) => `${(100 * n) / of}%`; // the middle: a mark on few pixels is larger than they are
    Object.assign(mark.style, { left: share(x + (x1 + x2) / 2, canvas.width), top: share(y + (y1 + y2) / 2, canvas.height),
      width: share(x2 - x1, canvas.width), height: share(y2 - y1, canvas.height) });
  };
}

function pixelContent(found, at, names) {
  const says = t("pixel");
  const sorted = [...found.channels].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const parts = sorted.map(({ k, sum }) => html("span", { class: "part", "data-channel": k }, `${says.channel(k)} `, number(sum)));
  if (found.others) parts.push(html("span", { class: "part rest" }, `${says.others(found.others)} `, number(found.rest)));
  if (found.bias !== null) parts.push(html("span", { class: "part bias" }, `${says.bias} `, number(found.bias)));
  return [
    html("h3", {}, says.title, html("small", {}, says.hint)),
    html("p", { class: "pixel-value" }, names.target + t("comma") + says.at(at.t, at.row, at.column) + t("colon"), number(found.value)),
    html("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": says.products }, sorted.slice(0, DETAILED).map(({ k, rows, sum }) =>
      html("div", { class: "products", "data-channel": k }, html("b", {}, says.channel(k)),
        grid(says.window + t("colon") + names.source, rows, "value"), html("span", {}, "×"), grid(says.weights, rows, "factor"),
        html("span", {}, "="), grid(says.products, rows, "product"), html("span", {}, "Σ "), number(sum)))),
    html("p", { class: "sum" }, parts.flatMap((part, i) => (i ? [" + ", part] : [part])), " = ", number(found.value)),
  ];
}

function grid(name, rows, what) {
  return html("table", { class: `grid of-${what}` }, html("caption", {}, name), html("tbody", {}, rows.map((cells) =>
    html("tr", {}, cells.map((cell) => html("td", { class: cell.inside ? null : "outside" }, number(cell[what])))))));
}
