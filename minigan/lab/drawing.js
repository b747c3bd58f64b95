/* Drawing one's own points, with the mouse, a finger or the keyboard. */

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
