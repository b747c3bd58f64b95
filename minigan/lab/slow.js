/* Slow motion: one step, frame by frame, with its numbers. */

const FRAMES = ["noise", "fakes", "logits", "lossD", "backD", "updateD", "logitsG", "lossG", "backThroughD", "border", "backThroughG", "updateG"];

/* The frames of a step, as who learns in it has them. */
function framesOf({ turns, critic }) {
  const [ofD, ofG] = [FRAMES.slice(0, 6), FRAMES.slice(6)];
  return { both: [...Array(critic).fill(ofD).flat(), ...ofG], D: ofD, G: [...ofD.slice(0, 2), ...ofG] }[turns];
}

function toggleSlow() {
  pause(false);
  if (slow) leaveSlow();
  else if (refuses()) return;
  else beginSlow();
  if (slow) nextFrame();
  else show();
  showPlayer();
  remember();
  toPlane();
}

function beginSlow() {
  slow = { frames: nextStep(game), at: null, k: 0, turn: 0, names: framesOf(game.options) };
}

/* What has begun is finished: a half step is no state. */
function leaveSlow() {
  if (!slow) return;
  run(slow.frames);
  if (slow.at !== null) { game.steps += 1; note(); }
  slow = null;
}

function nextFrame() {
  const { value: name, done } = slow.frames.next();
  if (done) {
    game.steps += 1;
    note();
    if (broken()) { slow = null; stopBroken(); return; }
    beginSlow();
    nextFrame();
    return;
  }
  slow.at = name;
  slow.k += 1;
  if (name === "noise") slow.turn += 1;
  picture();
  if (narrow.matches && byId("frame-text").getBoundingClientRect().bottom > byId("player").getBoundingClientRect().top) toPlane();
  if (playing === null) { say(`${frameTitle()}. ${t("frames")[name][1]}`); remember(); }
}

/* With several steps of D for one of G, it says which of them this is. */
function frameTitle() {
  const { at, k, turn, names } = slow, { turns, critic } = game.options, [title] = t("frames")[at];
  const several = turns === "both" && critic > 1 && FRAMES.indexOf(at) < 6;
  return t("frameOf")(k, names.length, several ? t("turnOf")(title, turn, critic) : title);
}

/* The numbers of a frame, by name. */
function frameNumbers(name, last) {
  const meanOf = (m) => mean(Array.from(m.data)), n = last.x.rows;
  switch (name) {
    case "noise": return { shapeZ: `(${last.z.rows}, ${last.z.columns})` };
    case "fakes": return { meanFake: point(rowsOf(last.fake).reduce((sum, row) => sum.map((s, k) => s + row[k] / n), last.fake.columns === 2 ? [0, 0] : [0])) };
    case "logits": return { logitReal: shown(meanOf(last.realLogits)), logitFake: shown(meanOf(last.fakeLogits)) };
    case "lossD": return { lossD: shown(last.lossD) };
    case "backD": return { ...(last.penalty ? { lossD: shown(last.lossD), penalty: shown(last.penalty) } : {}), normD: shown(last.normD) };
    case "updateD": return { movedD: shown(last.movedD) };
    case "logitsG": return { logitFake: shown(meanOf(last.logitsG)) };
    case "lossG": return { lossG: shown(last.lossG), slopeG: shown(n * meanOf(last.dLogitsG)) };
    case "backThroughD": return { border: shown(norm(last.border.data)) };
    case "border": return { border: shown(norm(last.border.data)), into: shown(norm(last.intoG.data)), difference: shown(apart(last)) };
    case "backThroughG": return { normG: shown(last.normG) };
    case "updateG": return { movedG: shown(last.movedG) };
  }
}

/* What the border's card shows of slow motion's batch: null is what is not yet computed. */
function borderOfBatch({ D, last, options }) {
  const { border, intoG, dLogitsG, realLogits } = last, fakeLogits = last.logitsG ?? last.fakeLogits;
  const answers = (logits) => logits && mean(Array.from(logits.data, OBJECTIVES[options.objective].answer));
  const slope = () => (options.mistakes.yesno ? 0 : slopeOf(D, options.mistakes.stale && last.verdict ? last.verdict : forward(D, last.fake)));
  const factor = () => factorOf(OBJECTIVES[options.objective].G(last.answersG).d);
  return { border, intoG, factor: dLogitsG && factor(), slope: border && slope(), real: answers(realLogits), fake: answers(fakeLogits) };
}

const point = (row) => (row.length === 1 ? shown(row[0]) : `(${row.map(shown).join(", ")})`);
const apart = ({ border, intoG }) => border.data.reduce((most, v, k) => Math.max(most, Math.abs(v - intoG.data[k])), 0);

function showFrame() {
  byId("frame").hidden = !slow;
  byId("charts").hidden = !!slow;
  document.body.classList.toggle("slow", !!slow);
  if (!slow) return;
  const { at, names } = slow, { last } = game, n = last.x.rows;
  byId("frame-title").textContent = frameTitle();
  byId("frame-text").textContent = t("frames")[at][1];
  byId("frame-numbers").replaceChildren(...Object.entries(frameNumbers(at, last)).flatMap(([name, number]) => [element("dt", {}, t("numbers")[name]), element("dd", {}, number)]));
  const scaled = (m, k) => m && point(rowsOf(m)[k].map((v) => v * n));
  const since = (name) => FRAMES.indexOf(at) >= FRAMES.indexOf(name);
  const logits = since("logitsG") ? last.logitsG : last.fakeLogits;
  const now = { noise: 1, fakes: 2, logits: 3, logitsG: 3, lossG: 4, backThroughD: 5, border: 5 }[at];
  const [corner, ...heads] = t("columns");
  byId("followed").replaceChildren(
    element("caption", {}, t("followed")),
    element("thead", {}, element("tr", {}, element("td", {}, corner), ...heads.map((h) => element("th", { scope: "col" }, h)))),
    element("tbody", {}, ...Array.from({ length: Math.min(FOLLOWED, n) }, (_, k) => element("tr", {},
      element("th", { scope: "row" }, t("fakeNumber")(k + 1)),
      ...[point(rowsOf(last.z)[k]), last.fake && point(rowsOf(last.fake)[k]), logits && shown(logits.data[k]),
        since("lossG") && last.dLogitsG && shown(last.dLogitsG.data[k] * n), since("backThroughD") && scaled(since("border") ? last.intoG : last.border, k)]
        .map((text, column) => element("td", { class: column + 1 === now ? "now" : "" }, text || "")))),
    ),
  );
  byId("frames").replaceChildren(...[...new Set(names)].map((name) => element("li", { "aria-current": name === at ? "step" : null }, t("frames")[name][0])));
}
