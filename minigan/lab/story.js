/* The story: six parts, each with a button that brings about what it tells of. */

const PERFECT = { objective: "minimax", lrD: 0.01, turns: "D" };
const LEARNED = 400; // D's steps until it is as good as perfect
const COLLAPSE = { objective: "minimax", lrG: 0.004, lrD: 0.0005 };
/* What the button of each part does. */
const STORY = [
  () => load({ chosen: {}, drawn: [], steps: 0, history: [] }, () => play(1500)),
  () => { if (game.steps < 100) load({ chosen: {}, drawn: [], steps: 100, history: [] }, toggleSlow); else if (!slow) toggleSlow(); else nextFrame(); },
  () => load({ chosen: PERFECT, drawn: [], steps: 0, history: [] }, () => play(LEARNED)),
  () => {
    const on = () => chose("objective", "non-saturating"); // and nothing else: the same D, the same fakes
    if (game.chosen.lrD === PERFECT.lrD && game.options.objective === "minimax" && game.steps === LEARNED) on();
    else load({ chosen: PERFECT, drawn: [], steps: LEARNED, history: [] }, on);
  },
  () => load({ chosen: COLLAPSE, drawn: [], steps: 0, history: [] }, () => play(600)),
  () => {
    const on = () => { chooseAll([["objective", "wgan-gp"], ["critic", 3], ["lrG", 0.001], ["lrD", 0.002]]); play(1600); };
    if (game.chosen.lrG === COLLAPSE.lrG && game.steps >= 600 && game.options.objective === "minimax") { pause(false); on(); }
    else load({ chosen: COLLAPSE, drawn: [], steps: 600, history: [] }, on);
  },
];

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
