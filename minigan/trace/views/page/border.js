// The border between two networks: the fakes that go through, each gradient that comes there, its wall or door.

/** One border: the fakes going through, and each gradient that came there, with its wall or door. */
function drawBorder(map, number) {
  const { trace, layout, shows } = map;
  const border = trace.borders[number];
  const lanes = [border.from_call, border.to_call].map((call) => layout.lanes.find((lane) => lane.call === call));
  const [from, to] = lanes;
  const lastFrom = from.layers.at(-1);
  const firstTo = to.layers.find((layer) => trace.layers[layer].sources.includes(lastFrom)) ?? to.layers[0];
  const start = layout.spot[lastFrom].x + layout.side / 2;
  const end = layout.spot[firstTo].x - layout.side / 2;
  const x = from.column === to.column ? end - layout.pitch * 0.5 : end - (end - start) * 0.42;
  const frame = shows.border[number];
  const forward = arrow(map, { d: `${between(map, from, to)(start, from.y, x, to.y)} H${end}`, norm: border.value.norm, kind: "forward",
    frames: [frame, shows.layer[firstTo]] });
  const gradients = trace.border_gradients.flatMap((gradient, g) => (gradient.border === number ? [{ gradient, g }] : []));
  const thick = layout.isWide ? 9 : Math.max(3, layout.pitch * 0.22);
  const reach = layout.side / 2 + (layout.isCompact ? 3 : layout.isWide ? 8 : 2);
  const shapes = [border.kind === "detached" ? "slit" : DRAWN_AS[border.kind], ...gradients.map(({ gradient }) => DRAWN_AS[gradient.kind])];
  const joints = shapes.map((shape, i) => ({ above: shape !== "door" || shapes[i - 1] !== "door", below: shape !== "door" || shapes[i + 1] !== "door" }));
  const sameDoor = shapes[0] === "door" ? gradients.filter(({ gradient }) => gradient.kind === "carried").map(({ g }) => shows.gradient[g]) : [];
  return svg("g", {}, forward, gate(map, { x, y: to.y, reach, thick, shape: shapes[0], frames: [frame, ...sameDoor], ...joints[0] }),
    gradients.map(({ gradient, g }, i) => drawBorderGradient(map,
      { gradient, g, from, to, firstTo, lastFrom, x, start, end, thick, reach, joint: joints[i + 1] })));
}

function drawBorderGradient(map, { gradient, g, from, to, firstTo, lastFrom, x, start, end, thick, reach, joint }) {
  const { trace, layout, shows } = map;
  const row = to.rows.find((r) => r.pass === gradient.backward_pass);
  if (!row) return null;
  const beyond = gradient.at_output === null ? null
    : from.rows.find((r) => r.pass === gradient.backward_pass || trace.backward_passes[r.pass].carries === gradient.border);
  const isWall = gradient.kind === "detached";
  const frame = shows.gradient[g];
  const text = (value, dx, anchor, dy = -7) => layout.isWide
    ? svg("text", { x: x + dx, y: row.y + dy, class: `norm ${anchor}`, ...lit([frame]) }, value) : null;
  const arriving = gradient.at_input && arrow(map, {
    d: line(end, row.y, x + (isWall ? thick / 2 + 1 : beyond ? 0 : thick)), norm: gradient.at_input.norm, kind: "gradient",
    frames: [shows.back[row.backs[firstTo]], frame], isStopped: !isWall && beyond });
  const leaving = beyond && arrow(map, { d: between(map, to, from)(x, row.y, start, beyond.y), norm: gradient.at_output.norm, kind: "gradient",
    frames: [frame, shows.back[beyond.backs[lastFrom]]] });
  return svg("g", {},
    gate(map, { x, y: row.y, reach, thick, shape: DRAWN_AS[gradient.kind], frames: [frame], ...joint }), arriving, leaving,
    gradient.at_input && text(digits(gradient.at_input.norm), 10, "start"),
    isWall ? text("0", -10, "end") : beyond ? text(digits(gradient.at_output.norm), -10, "end", beyond.y < row.y ? 14 : -7) : null);
}

/** A piece of the border as an architect draws it: a wall hatched, a door as a gap with its leaf and swing. One door
 * may be open for several rows: then only the first has the jamb above, and only the last the one below. */
function gate({ layout }, { x, y, reach, thick, shape, frames, above = true, below = true }) {
  const [left, top] = [x - thick / 2, y - reach];
  const solid = (from, to) => svg("rect", { x: left, y: from, width: thick, height: Math.max(0, to - from), class: "wall" });
  const gap = shape === "slit" ? (layout.isWide ? 5 : 2) : reach * 0.62;
  if (shape === "open") return svg("g", { class: "gate open", ...lit(frames) }, svg("line", { x1: x, x2: x, y1: top, y2: y + reach }));
  if (shape === "wall") return svg("g", { class: "gate", ...lit(frames) }, solid(top, y + reach));
  const leaf = 1.5 * gap;
  const door = shape === "door" && above ? svg("path", { d: `M${left} ${y - gap} h${-leaf} a${leaf} ${leaf} 0 0 0 ${leaf} ${leaf}`, class: "leaf" }) : null;
  return svg("g", { class: `gate ${shape}`, ...lit(frames) }, above ? solid(top, y - gap) : null,
    below ? solid(y + gap, y + reach) : null, door);
}
