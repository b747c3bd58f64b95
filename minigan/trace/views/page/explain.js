// What a frame is about: its functions' formulas as their docstrings have them, what to look at, lesson and source.

const LESSON_OF_FILE = {
  "arithmetic.py": 2, "manipulation.py": 3, "reduction.py": 3, "dense.py": 4, "activation.py": 5, "loss.py": 6, "convolution.py": 7, "normalization.py": 9,
};
const SHOWN = 2; // functions of a layer whose formulas are seen at once

/** The explanation of a frame. */
function explanation(trace, frame) {
  const names = functionsOf(trace, frame);
  const between = frame.border !== null ? borderText(trace, frame) : frame.direction === "enter" ? entryText(trace, frame) : null;
  const texts = between ? [between] : names.map((name) => trace.texts.find((text) => text.name === name)).filter(Boolean);
  const isBack = frame.layer_backward !== null || frame.border_gradient !== null;
  const formulas = texts.map((text) => formulaRow(text, isBack));
  const more = formulas.length - SHOWN;
  return [
    html("p", { class: "look" }, html("b", {}, t("look") + t("colon")), whatToLookAt(trace, frame, names)),
    html("div", { class: "formulas" }, formulas.slice(0, SHOWN)),
    more > 0 ? html("details", {}, html("summary", {}, t("moreFunctions")(more)), html("div", { class: "formulas" }, formulas.slice(SHOWN))) : null,
  ];
}

/** Of the methods that took the step the one of that name, such as "noise", or the step itself. */
function methodOf(trace, name) {
  const named = (each) => trace.texts.find((text) => text.name.endsWith(`.${each}`));
  return named(name) ?? named("step") ?? { name: "", place: "", source: "" };
}

/** At a border: its formulas, and the turn in which the code carries the numbers over. */
function borderText(trace, frame) {
  const border = trace.borders[frame.border];
  const [from, to] = [border.from_call, border.to_call].map((call) => trace.calls[call].owner);
  const gradients = trace.border_gradients.filter((gradient) => (frame.border_gradient === null ? gradient.border === frame.border : gradient === trace.border_gradients[frame.border_gradient]));
  const arrived = `∂L/∂${to}.input`;
  const sent = ({ kind, at_input, at_output, difference }) => (kind === "detached" ? "0" : !at_input || !at_output ? null
    : difference === 0 ? arrived : kind === "attached" ? `${arrived} + …` : `f(${arrived})`); // other ways lead back, or it was changed
  const backward = [...new Set(gradients.map(sent))].filter((each) => each !== null).map((each) => `∂L/∂${from}.output = ${each}`);
  const turn = { D: "discriminator_turn", G: "generator_turn" }[frame.turn] ?? "step";
  return { ...methodOf(trace, turn), forward: [`${to}.input = ${border.kind === "attached" ? "" : "detach("}${from}.output${border.kind === "attached" ? "" : ")"}`], backward, lesson: 10 };
}

const OF_THE_DATA = ["x", "y", "a", "b"]; // what a batch's arrays are called

/** What comes from outside: noise, as the algorithm's docstring has it, or a batch of the data. */
function entryText(trace, frame) {
  const name = entryName(trace, frame);
  const noise = noiseOf(trace);
  if (name === "z" && noise) return { ...noise, forward: [...(noise.forward.some((said) => said.includes("standard normal")) ? ["z ~ N(0, 1)"] : []), ...noise.forward], lesson: 1 };
  const isData = OF_THE_DATA.includes(name);
  const text = methodOf(trace, "step");
  return isData || text.name ? { ...text, forward: isData ? [`${name} ~ p_data`] : [], backward: [], lesson: name === "y" ? 17 : isData ? 1 : null } : null;
}

/** The functions of a frame's layer, those of which there is most to say first; an update's optimiser. */
function functionsOf(trace, frame) {
  if (frame.update !== null) return [trace.updates[frame.update].optimizer];
  if (frame.layer === null || frame.border !== null) return [];
  const rank = (name) => { const place = Object.keys(t("looks")).indexOf(name); return place < 0 ? Infinity : place; };
  const names = [...new Set(trace.layers[frame.layer].functions.map((f) => f.name))];
  return names.map((name, i) => ({ name, i })).sort((a, b) => (rank(a.name) - rank(b.name) || 0) || a.i - b.i).map(({ name }) => name);
}

function whatToLookAt(trace, frame, names) {
  const at = t("looksAt");
  if (frame.update !== null) return at.update;
  if (frame.border_gradient !== null) return at.backBorder[trace.border_gradients[frame.border_gradient].kind];
  if (frame.border !== null) return at.forwardBorder[trace.borders[frame.border].kind];
  if (frame.layer === null) return enters(trace, frame);
  const isBack = frame.layer_backward !== null;
  const says = t("looks")[names.find((name) => t("looks")[name])] ?? t("looksOtherwise");
  if (trace.layers[frame.layer].owner === "loss") {
    const known = t("looks")[names.find((name) => name.includes("CrossEntropy"))];
    return known ? known[Number(isBack)] : isBack ? at.backLoss : at.loss;
  }
  return says[Number(isBack)];
}

/** What comes in: G's noise, D's real samples, or whatever else. */
function enters(trace, frame) {
  const { enter, noise, reals } = t("looksAt");
  const name = entryName(trace, frame);
  if (frame.owner === "G" && name === "z" && noiseOf(trace)) return noise;
  return frame.owner === "D" && name === "x" && trace.calls.some(({ owner }) => owner === "G") ? reals(trace.about.data) : enter;
}

const noiseOf = (trace) => trace.texts.find((text) => text.name.endsWith(".noise"));

/** A function's name, its two formulas, the one of this frame's direction in full ink, and where to read on. */
function formulaRow(text, isBack) {
  const line = (parts, kind, isNow, label) => parts.length
    ? html("p", { class: `formula ${kind} ${isNow ? "now" : ""}` }, html("small", {}, label), html("span", {}, parts.map((part) => html("code", {}, asIs(part))))) : null;
  const isUpdate = !text.backward.length && text.forward.some((part) => part.includes("←"));
  const isDrawn = text.forward.some((part) => part.includes(" ~ "));
  return html("div", { class: "function" },
    line(text.forward, "onward", !isBack, t(isUpdate ? "updateFormula" : isDrawn ? "drawnFormula" : "forwardFormula")), line(text.backward, "back", isBack, t("backwardFormula")),
    html("div", { class: "reading" }, html("b", {}, asIs(text.name)), lessonName(text.lesson ?? lessonOf(text)), sourceOf(text)));
}

function lessonOf(text) {
  if (text.name === "ConvTranspose2d") return 8;
  if (text.forward.some((part) => part.includes("←"))) return 11; // an optimiser's
  return text.place.startsWith("minigan/functions/") ? LESSON_OF_FILE[text.place.split("/").at(-1).split(":")[0]] : null;
}

function lessonName(number) {
  return number ? html("span", { class: "lesson" }, `${t("lesson")(number)}${t("colon")}${t("lessons")[number]} `, html("code", {}, `minigan lesson ${number}`)) : null;
}

function sourceOf(text) {
  if (!text.source) return null;
  return html("details", { class: "source" }, html("summary", {}, `${t("source")}${t("colon")}${text.place}`),
    html("pre", { tabindex: 0, role: "region", "aria-label": text.place }, asIs(text.source)));
}
