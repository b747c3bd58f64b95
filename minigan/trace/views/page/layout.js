// Where everything of the map stands: networks side by side, each call of one a lane, over one another.

const WIDE = 44; // pixels a layer needs to have its numbers beside it
const NAME = 26; // the height of a loss' name, and whose it is
const READABLE = 31; // and to have its name in four letters; a map that would be smaller is scrolled
const SMALL = 640, SPACIOUS = 34; // in a room that small, where one scrolls anyway, five letters
const low = matchMedia("(max-height: 819px)"); // a low window: the map is compact, and its numbers are left to the frames

/** The column of each network: to the right of whatever enters it. Two that enter one another share a column. */
function columnsOf(trace) {
  const entered = new Map(trace.calls.map((call) => [call.owner, new Set()])); // by each, at once or through others
  for (const { from_call, to_call } of trace.borders) entered.get(trace.calls[from_call].owner).add(trace.calls[to_call].owner);
  for (const by of entered.keys()) {
    for (const all of entered.values()) if (all.has(by)) for (const one of entered.get(by)) all.add(one);
  }
  const before = (name) => [...entered].filter(([other, all]) => all.has(name) && !entered.get(name).has(other)).map(([other]) => other);
  const column = (name) => Math.max(-1, ...before(name).map(column)) + 1;
  return Object.fromEntries([...entered.keys()].map((name) => [name, column(name)]));
}

/** Backward passes through some layers, in order: for each, its number, and the layers' backwards by layer. */
function passesThrough(trace, layers) {
  const inside = new Set(layers);
  const passes = new Map();
  trace.layer_backwards.forEach((back, number) => {
    if (!inside.has(back.layer)) return;
    if (!passes.has(back.backward_pass)) passes.set(back.backward_pass, {});
    passes.get(back.backward_pass)[back.layer] = number;
  });
  return [...passes].map(([pass, backs]) => ({ pass, backs }));
}

/** Lanes: of calls, and one for each layer outside of them (the losses). */
function lanesOf(trace) {
  const column = columnsOf(trace);
  const last = Math.max(-1, ...Object.values(column)) + 1;
  const calls = trace.calls.map((call, i) => ({ call: i, column: column[call.owner], layers: call.layers }));
  const loose = trace.layers.flatMap((layer, i) => (layer.call === null ? [{ call: null, column: last, layers: [i] }] : []));
  return [...calls, ...loose].map((lane) => ({ ...lane, rows: passesThrough(trace, lane.layers) }));
}

/** Where everything stands, in pixels, on a drawing that fits into that room, or is wider if it must be. */
function layoutOf(trace, room) {
  const lanes = lanesOf(trace);
  const columns = Math.max(0, ...lanes.map((lane) => lane.column)) + 1;
  const length = Array.from({ length: columns }, (_, c) =>
    Math.max(0, ...lanes.filter((l) => l.column === c).map((l) => l.layers.length)));
  const isLoose = (c) => lanes.some((l) => l.column === c && l.call === null);
  const columnOf = (call) => lanes.find((lane) => lane.call === call).column;
  const turns = new Set(trace.borders.map((b) => [columnOf(b.from_call), columnOf(b.to_call)]).filter(([a, b]) => a === b).flat());
  const gaps = length.map((_, c) => (c === 0 ? 1.1 : isLoose(c) ? 0.7 : 3) + (turns.has(c) ? 1 : 0)); // for lines from lane to lane
  const units = length.reduce((sum, n, c) => sum + gaps[c] + (isLoose(c) ? 1.6 : n), 0);
  const pitch = Math.max(room < SMALL ? SPACIOUS : READABLE, Math.min(76, (room - 2) / units));
  const width = Math.max(room, Math.ceil(pitch * units) + 2);
  const isWide = pitch >= WIDE;
  const isCompact = isWide && low.matches;
  const side = Math.round(isWide ? Math.min(pitch * 0.66, isCompact ? 20 : 34) : pitch * 0.74);
  const left = [];
  length.reduce((x, n, c) => {
    left[c] = x + gaps[c] * pitch;
    return left[c] + (isLoose(c) ? 1.6 : n) * pitch;
  }, Math.max(0, (width - pitch * units) / 2));

  const text = isWide && !isCompact ? 12 : 0; // the height of a number
  const space = isWide ? 5 : Math.max(2, pitch * 0.16);
  const height = (lane) => text + side + lane.rows.length * (side + space + text) + (isCompact ? 9 : isWide ? 14 : 12);
  const head = isWide ? 38 : 32;
  place(trace, lanes, columns, head, height);
  const bottom = Math.max(...lanes.map((lane) => lane.top + height(lane)), 0);

  const spot = {}; // of each layer: the middle of its block
  for (const lane of lanes) {
    lane.y = lane.top + text + side / 2;
    lane.rows.forEach((row, r) => { row.y = lane.y + (r + 1) * (side + space) + r * text; });
    const step = lane.call === null ? 1.6 * pitch : pitch;
    lane.layers.forEach((layer, i) => { spot[layer] = { x: left[lane.column] + (i + 0.5) * step, lane }; });
  }
  return { width, height: bottom, pitch, side, isWide, isCompact, text, lanes, spot, left, columns, head };
}

/** Tops of lanes: the busiest column is stacked, others stand in the middle of what they are joined to. */
function place(trace, lanes, columns, head, height) {
  const busiest = Math.max(0, ...Array.from({ length: columns }, (_, c) => lanes.filter((l) => l.column === c).length));
  const first = Array.from({ length: columns }, (_, c) => c).find((c) => lanes.filter((l) => l.column === c).length === busiest);
  const order = [first, ...Array.from({ length: columns }, (_, c) => c).filter((c) => c !== first)
    .sort((a, b) => Math.abs(a - first) - Math.abs(b - first))];
  const placed = new Map();
  for (const c of order) {
    let free = 0, owner;
    for (const { lane, wish } of inOrder(trace, lanes.filter((each) => each.column === c)
      .map((each) => ({ lane: each, wish: middleOfJoined(trace, lanes, each, placed) })))) {
      lane.over = ownerOf(trace, lane) === owner ? 0 : head; // over the first lane of a network stands its name
      free += lane.over;
      owner = ownerOf(trace, lane);
      lane.top = Math.max(free, wish === null ? free : wish - height(lane) / 2);
      free = lane.top + height(lane) + (lane.call === null ? NAME : 0); // a name stands over what is in no network
      placed.set(lane, lane.top + height(lane) / 2);
    }
  }
}

const ownerOf = (trace, lane) => (lane.call === null ? null : trace.calls[lane.call].owner);

/** The lanes of a column: those of a network together, and where all have wishes, each near its own. */
function inOrder(trace, wishes) {
  const owner = ({ lane }) => ownerOf(trace, lane);
  const owners = [...new Set(wishes.map(owner))];
  if (wishes.every(({ wish }) => wish !== null)) {
    wishes.sort((a, b) => a.wish - b.wish);
    const middle = (name) => mean(wishes.filter((each) => owner(each) === name).map(({ wish }) => wish));
    owners.sort((a, b) => middle(a) - middle(b));
  }
  return owners.flatMap((name) => wishes.filter((each) => owner(each) === name));
}

const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

function middleOfJoined(trace, lanes, lane, placed) {
  const sources = (l) => l.layers.flatMap((i) => trace.layers[i].sources);
  const mine = new Set(lane.layers);
  const joined = lanes.filter((other) => placed.has(other) && other.column !== lane.column &&
    (sources(other).some((s) => mine.has(s)) || sources(lane).some((s) => other.layers.includes(s))));
  if (!joined.length) return null;
  return mean(joined.map((other) => placed.get(other)));
}
