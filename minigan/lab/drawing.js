/* Drawing one's own points, with the mouse, a finger or the keyboard. */

const APART = 0.06; // points that one stroke leaves are as far from each other
const NEAR = 0.09; // a click as near to a point takes it away

let cross = [0, 0]; // where the keyboard draws
let stroke = null; // where the pointer left its last point, while it is down
let waiting = null; // the request of a picture

/* name: "add" or "drop". The networks stay: a slip of the hand costs no training. */
function edit(name, points) {
  leaveSlow();
  changePoints(game, name, points.map((at) => at.map(onPlace)));
  if (!game.steps) curves = [];
  showField();
  say(drawnCount());
  waiting ??= requestAnimationFrame(() => { // of many points one picture
    waiting = null;
    if (playing !== null) return;
    note();
    show();
    showPlayer();
    remember();
  });
}

const drawnCount = () => t(game.drawn.length < MOST_DRAWN ? "drawnCount" : "drawnFull")(game.drawn.length, MOST_DRAWN);

function showField() {
  if (byId("drawing").hidden) return;
  drawSet(byId("field"), game.drawn, colours, 3, document.activeElement === byId("field") ? cross : null);
  byId("drawn-count").textContent = drawnCount();
}

const between = ([a, b], [x, y]) => Math.hypot(a - x, b - y);
const pointAt = (at) => game.drawn.filter((p) => between(p, at) <= NEAR).sort((p, q) => between(p, at) - between(q, at)).slice(0, 1);

function placeOf(event) {
  const box = byId("field").getBoundingClientRect();
  return [(((event.clientX - box.left) / box.width) * 2 - 1) * REACH, (1 - ((event.clientY - box.top) / box.height) * 2) * REACH];
}

function pressed(event) {
  byId("field").setPointerCapture(event.pointerId);
  const at = placeOf(event), there = pointAt(at);
  stroke = there.length ? null : at;
  edit(there.length ? "drop" : "add", there.length ? there : [at]);
}

function moved(event) {
  const at = placeOf(event);
  if (!event.buttons || !stroke || between(stroke, at) < APART) return;
  stroke = at;
  edit("add", [at]);
}

function moveCross(event) {
  const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
  if (by) { cross = cross.map((v, k) => Math.min(1.4, Math.max(-1.4, v + by[k]))); say(point(cross)); showField(); }
  else if (event.key === "Enter") edit("add", [cross]);
  else if (["Delete", "Backspace"].includes(event.key)) edit("drop", pointAt(cross));
  else return;
  event.preventDefault();
  event.stopPropagation();
}
