/* The story: six parts, each with a button that brings about what it tells of. */

const PERFECT = { objective: "minimax", lrG: 0.01, lrD: 0.01, turns: "D", seed: 5 };
const LEARNED = 600; // D's steps until it is as good as perfect
const BOTH = [["optimizer", "sgd"], ["turns", "both"]], TRIED = LEARNED + 200; // until then G tries under minimax
const TRAINED = 1500; // steps of the usual choices: all modes are found
const LOSING = [["objective", "minimax"], ["critic", 3], ["lrG", 0.01], ["lrD", 0.004]], LOST = TRAINED + 1000;
const FOUND = LOST + 1200;
const begun = (chosen, ...parts) => ({ chosen, drawn: [], steps: 0, history: parts.flatMap(([step, choices]) => choices.map((choice) => [step, ...choice])) });
/* What the button of each part does. */
const STORY = [
  () => load(begun({}), () => play(TRAINED)),
  () => { if (game.steps < 100) load({ ...begun({}), steps: 100 }, toggleSlow); else if (!slow) toggleSlow(); else nextFrame(); },
  () => { // D alone; pressed again, both
    if (is(PERFECT) && game.steps === LEARNED && !game.history.length) goOn(BOTH, TRIED);
    else load(begun(PERFECT), () => play(LEARNED));
  },
  () => {
    const on = () => goOn([["objective", "non-saturating"]], TRIED + 600); // and nothing else: the same D, the same fakes
    if (is(PERFECT) && game.steps === TRIED && game.options.optimizer === "sgd" && game.options.objective === "minimax") on();
    else load({ ...begun(PERFECT, [LEARNED, BOTH]), steps: TRIED }, on);
  },
  () => load({ ...begun({}), steps: TRAINED }, () => goOn(LOSING, LOST)),
  () => {
    const on = () => goOn([["objective", "wgan-gp"]], game.steps + FOUND - LOST); // and nothing else
    if (is({}) && game.steps >= LOST && LOSING.every(([name, value]) => game.options[name] === value)) on();
    else load({ ...begun({}, [TRAINED, LOSING]), steps: LOST }, on);
  },
];

/* Whether this game began with these choices. */
const is = (chosen) => writeState({ chosen, drawn: [], steps: 0, history: [] }) === writeState({ chosen: game.chosen, drawn: [], steps: 0, history: [] });

function goOn(choices, to) {
  pause(false);
  chooseAll(choices);
  play(to);
}

const chooseAll = (choices) => choices.forEach(([name, value]) => chose(name, value));

function tell() {
  const [title, text, does, answer] = t("story")[told];
  byId("story-title").textContent = title;
  byId("story-text").textContent = text;
  byId("story-do").textContent = does;
  byId("story-answer").open = false;
  byId("story-answer").querySelector("p").textContent = answer;
  byId("story-count").textContent = t("storyOf")(told + 1, STORY.length);
  byId("story-previous").setAttribute("aria-label", t("storyPrevious"));
  byId("story-next").setAttribute("aria-label", t("storyNext"));
  byId("story-previous").disabled = told === 0;
  byId("story-next").disabled = told === STORY.length - 1;
}
