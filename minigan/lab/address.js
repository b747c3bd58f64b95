/* A state as text, for the address: what was chosen at the start where it is not the usual, the number of steps, the
   changes since then with the step each came at, and the reader's own points.

   #data=ring&objective=minimax&turns=D&steps=400&then=300.turns.both,350.attached.1                                    */

const TURNS = ["both", "D", "G"];
const CHOICES = {
  data: ["line", "ring", "grid", "moons", "spiral", "drawn"], objective: Object.keys(OBJECTIVES), optimizer: ["adam", "sgd"],
  lrG: [0.0001, 0.0003, 0.0005, 0.001, 0.002, 0.004, 0.01, 0.03, 0.1, 0.3], lrD: [0.0001, 0.0003, 0.0005, 0.001, 0.002, 0.004, 0.01, 0.03, 0.1, 0.3],
  beta1: [0, 0.5, 0.9], critic: [1, 2, 3, 5], clip: [0.01, 0.03, 0.1, 0.3], penalty: [0.1, 1, 10], batch: [16, 32, 64, 128, 256],
  widthG: [4, 8, 16, 32, 64], widthD: [4, 8, 16, 32, 64], depth: [1, 2, 3], activation: Object.keys(ACTIVATIONS), turns: TURNS,
};
const MOST_STEPS = 20000;
const MOST_DRAWN = 200;

/* A choice as read from text; undefined if it is none. Mistakes are 1 or 0, the seed is a whole number. */
function readChoice(name, text) {
  if (MISTAKES.includes(name)) return text === "1" ? true : text === "0" ? false : undefined;
  if (name === "seed") return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
  return Object.hasOwn(CHOICES, name) ? CHOICES[name].find((choice) => String(choice) === text) : undefined;
}

const writeChoice = (value) => (value === true ? "1" : value === false ? "0" : String(value));

/* {chosen, drawn, steps, history: [[step, name, value]]} */
function readState(text) {
  const given = new URLSearchParams(text), state = { chosen: {}, drawn: [], steps: 0, history: [] };
  for (const [name, written] of given) {
    const value = readChoice(name, written);
    if (value !== undefined) state.chosen[name] = value;
  }
  state.steps = Math.min(MOST_STEPS, Number(given.get("steps")?.match(/^\d+$/)?.[0] ?? 0));
  for (const part of (given.get("then") ?? "").split(",")) {
    const [step, name, ...rest] = part.split("."), value = readChoice(name, rest.join("."));
    if (/^\d+$/.test(step) && value !== undefined && !RESTARTS.includes(name)) state.history.push([Number(step), name, value]);
  }
  const digits = (given.get("points") ?? "").slice(0, 4 * MOST_DRAWN).match(/[0-9a-z]{4}/g) ?? [];
  state.drawn = digits.map((d) => [d.slice(0, 2), d.slice(2)].map((half) => Math.min(1000, parseInt(half, 36)) / 500 - 1).map((v) => v * REACH));
  return state;
}

/* A coordinate as two digits of base 36: a thousand places across the plane. */
const writeCoordinate = (v) => Math.round((v / REACH + 1) * 500).toString(36).padStart(2, "0");
const onPlace = (v) => (Math.min(1000, Math.max(0, Math.round((v / REACH + 1) * 500))) / 500 - 1) * REACH;

function writeState({ chosen, drawn, steps, history }) {
  const parts = Object.entries(chosen).filter(([name, value]) => value !== (DEFAULTS[name] ?? false)).map(([name, value]) => `${name}=${writeChoice(value)}`);
  if (chosen.data === "drawn" && drawn.length) parts.push(`points=${drawn.flat().map(writeCoordinate).join("")}`);
  if (steps) parts.push(`steps=${steps}`);
  if (history.length) parts.push(`then=${history.map(([step, name, value]) => `${step}.${name}.${writeChoice(value)}`).join(",")}`);
  return parts.join("&");
}
