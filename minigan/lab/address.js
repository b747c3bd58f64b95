/* A state as text, for the address: what was chosen at the start where it is not the usual, the number of steps, the
   changes since then with the step each came at, and the reader's own points, at the start and those that came or went.
   Then how it is looked at: the part of the story, the speed, the language, the frame of slow motion.

   #data=ring&objective=minimax&turns=D&steps=400&then=300.turns.both,350.attached.1&story=4&speed=faster&lang=zh
   #data=drawn&points=i0k2i2k4&steps=40&then=20.add.i4k6,30.drop.i0k2&slow=8                                            */

const TURNS = ["both", "D", "G"];
const CHOICES = {
  data: ["line", "ring", "grid", "moons", "spiral", "drawn"], objective: Object.keys(OBJECTIVES), optimizer: ["adam", "sgd"],
  lrG: [0.0001, 0.0003, 0.0005, 0.001, 0.002, 0.004, 0.01, 0.03, 0.1, 0.3], lrD: [0.0001, 0.0003, 0.0005, 0.001, 0.002, 0.004, 0.01, 0.03, 0.1, 0.3],
  beta1: [0, 0.5, 0.9], critic: [1, 2, 3, 5], clip: [0.01, 0.03, 0.1, 0.3], penalty: [0.1, 1, 10], batch: [16, 32, 64, 128, 256],
  widthG: [4, 8, 16, 32, 64], widthD: [4, 8, 16, 32, 64], depth: [1, 2, 3], activation: Object.keys(ACTIVATIONS), turns: TURNS,
};
const EDITS = ["add", "drop"]; // of the reader's own points, while it runs
const MOST_STEPS = 20000;
const MOST_DRAWN = 200;

/* A choice as read from text; undefined if it is none. Mistakes are 1 or 0, the seed is a whole number. */
function readChoice(name, text) {
  if (MISTAKES.includes(name)) return text === "1" ? true : text === "0" ? false : undefined;
  if (name === "seed") return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
  return Object.hasOwn(CHOICES, name) ? CHOICES[name].find((choice) => String(choice) === text) : undefined;
}

const writeChoice = (value) => (value === true ? "1" : value === false ? "0" : String(value));

const countIn = (text) => Number(text?.match(/^\d+$/)?.[0] ?? 0);

/* {chosen, drawn, steps, history: [[step, name, value]], view: {story, speed, lang, slow}}. view: what is not told is 0 or "". */
function readState(text) {
  const given = new URLSearchParams(text), state = { chosen: {}, history: [] };
  for (const [name, written] of given) {
    const value = readChoice(name, written);
    if (value !== undefined) state.chosen[name] = value;
  }
  state.steps = Math.min(MOST_STEPS, countIn(given.get("steps")));
  for (const part of (given.get("then") ?? "").split(",")) {
    const [step, name, ...rest] = part.split("."), text = rest.join("."), value = EDITS.includes(name) ? readPoints(text) : readChoice(name, text);
    if (/^\d+$/.test(step) && value !== undefined && !RESTARTS.includes(name)) state.history.push([Number(step), name, value]);
  }
  state.drawn = readPoints(given.get("points") ?? "");
  state.view = { story: countIn(given.get("story")), slow: countIn(given.get("slow")), speed: given.get("speed") ?? "", lang: given.get("lang") ?? "" };
  return state;
}

function readPoints(text) {
  const digits = text.slice(0, 4 * MOST_DRAWN).match(/[0-9a-z]{4}/g) ?? [];
  return digits.map((d) => [d.slice(0, 2), d.slice(2)].map((half) => Math.min(1000, parseInt(half, 36)) / 500 - 1).map((v) => v * REACH));
}

/* A coordinate as two digits of base 36: a thousand places across the plane. */
const writeCoordinate = (v) => Math.round((v / REACH + 1) * 500).toString(36).padStart(2, "0");
const onPlace = (v) => (Math.min(1000, Math.max(0, Math.round((v / REACH + 1) * 500))) / 500 - 1) * REACH;
const writePoints = (points) => points.flat().map(writeCoordinate).join("");

function writeState({ chosen, drawn, steps, history, view = {} }) {
  const parts = Object.entries(chosen).filter(([name, value]) => value !== (DEFAULTS[name] ?? false)).map(([name, value]) => `${name}=${writeChoice(value)}`);
  if (chosen.data === "drawn" && drawn.length) parts.push(`points=${writePoints(drawn)}`);
  if (steps) parts.push(`steps=${steps}`);
  if (history.length) parts.push(`then=${history.map(([step, name, value]) => `${step}.${name}.${EDITS.includes(name) ? writePoints(value) : writeChoice(value)}`).join(",")}`);
  for (const [name, value] of Object.entries(view)) if (value) parts.push(`${name}=${value}`);
  return parts.join("&");
}
