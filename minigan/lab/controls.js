/* The parts of the page that are made once, and again for another language. */

const GROUPS = { // what a teacher can hide, by ?hide=
  objective: ["objective"], optimizer: ["optimizer", "beta1"], rates: ["lrG", "lrD"], critic: ["critic"], batch: ["batch"], clip: ["clip", "penalty"],
  sizes: ["widthG", "widthD", "depth", "activation"], seed: ["seed"],
};
const PLAIN = new Set(["data", "optimizer", "objective", "activation"]); // whose choices have names

function makeControls() {
  const control = (group, name) => {
    const input = name === "seed" ? element("input", { type: "number", min: 0, max: 999999, step: 1 })
      : element("select", {}, ...CHOICES[name].map((choice) => element("option", { value: choice }, PLAIN.has(name) ? t(choice) : String(choice))));
    input.dataset.option = name;
    input.addEventListener("change", () => {
      const value = readChoice(name, input.value);
      if (name === "seed") text("seed-wrong", value === undefined ? t("seedWrong") : "");
      if (value === undefined) input.value = String(game.options[name]);
      else chose(name, value);
    });
    const label = element("label", { id: `choice-${name}`, "data-group": `${group} ${name}`, class: name === "objective" ? "wide" : null }, element("span", {}, t(name)), input);
    const what = t(`${name}What`);
    if (what) explain(label, input, what);
    return label;
  };
  const made = Object.entries(GROUPS).map(([group, names]) => [group, names.map((name) => control(group, name))]);
  const at = made.findIndex(([group]) => group === "sizes");
  const [[, objective], ...others] = made.slice(0, at);
  byId("controls").replaceChildren(...objective, element("p", { id: "formula", "data-group": "objective" }), ...others.flatMap(([, labels]) => labels), element("small", { id: "anew" }, t("anew")), ...made.slice(at).flatMap(([, labels]) => labels), element("small", { id: "seed-wrong", role: "alert" }));

  byId("turns").replaceChildren(...TURNS.map((turn) => element("option", { value: turn }, t(turn === "both" ? "both" : `only${turn}`))));
  if (t("turnsWhat")) explain(byId("turns").closest("label"), byId("turns"), t("turnsWhat"));
  const speed = byId("speed").value || "usual";
  byId("speed").replaceChildren(...Object.keys(SPEEDS).map((name) => element("option", { value: name }, t(name))));
  byId("speed").value = speed;

  const random = () => randomStream(3, "thumbnail");
  byId("data").querySelector(".choices").replaceChildren(...CHOICES.data.map((name) => {
    const radio = element("input", { type: "radio", name: "data", value: name }), picture = element("canvas", { "aria-hidden": "true" });
    radio.addEventListener("change", () => chose("data", name));
    const label = element("label", { "data-group": name }, radio, picture, element("span", {}, t(name)));
    if (t(`${name}What`)) explain(label, radio, t(`${name}What`));
    return label;
  }));
  document.querySelectorAll("#data canvas").forEach((canvas, i) => {
    const set = POINTS[CHOICES.data[i]];
    drawSet(canvas, set.point ? rowsOf(drawPoints(set, 90, random())) : [[-0.9, -0.6], [-0.5, 0.3], [0, 0.7], [0.5, 0.3], [0.9, -0.6]], colours, set.point ? 1 : 2.2);
  });

  byId("mistakes").replaceChildren(element("legend", {}, t("mistakes")), ...MISTAKES.map((name) => {
    const box = element("input", { type: "checkbox", name, "aria-describedby": `what-${name}` });
    box.addEventListener("change", () => chose(name, box.checked));
    return element("label", { "data-group": name === "attached" ? "attached detach" : name }, box, element("strong", {}, t(name)), element("small", { id: `what-${name}` }, t(`${name}What`)));
  }));
}

/* What a choice does, in a sentence: under the pointer, for a screen reader, and below the choice while it has the focus. */
function explain(label, input, what) {
  label.title = what;
  input.setAttribute("aria-description", what);
  if (!label.id) return; // there is no room below
  const below = element("small", { class: "what", "aria-hidden": "true" }, what);
  input.addEventListener("focus", () => {
    let end = label; // of its row
    while (end.nextElementSibling?.offsetTop === label.offsetTop) end = end.nextElementSibling;
    end.after(below);
  });
  input.addEventListener("blur", () => below.remove());
}

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = `minigan ${t("lab")}`;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  byId("language").textContent = language === "en" ? "中文" : "English";
  byId("language").lang = language === "en" ? "zh-Hans" : "en";
  byId("border-title").textContent = t("border");
  byId("field").setAttribute("aria-label", t("field"));
  const mark = (kind, text) => element("span", { class: kind }, element("i"), text);
  byId("legend").replaceChildren(mark("real", t("real")), mark("fake", t("fake")), mark("gradient", t("arrow")), mark("scale", t("scaleProbability")), mark("mesh", t("mesh")));
  makeControls();
  tell();
  hide();
}

/* A teacher hides groups, or single choices by name; what is then empty goes too. */
function hide() {
  const hidden = new Set((asked.get("hide") ?? "").split(","));
  const take = (node) => node.classList.add("taken-away"), gone = (nodes) => [...nodes].every((node) => node.classList.contains("taken-away"));
  for (const node of document.querySelectorAll("[data-group]")) if (node.dataset.group.split(" ").some((name) => hidden.has(name))) take(node);
  if (gone(["sizes", "seed"].flatMap((group) => GROUPS[group]).map((name) => byId(`choice-${name}`)))) take(byId("anew"));
  for (const id of ["mistakes", "data", "controls"]) if (gone(byId(id).querySelectorAll("label"))) take(byId(id));
  if (gone([byId("controls")])) take(byId("choices"));
  if (gone(byId("left").children)) take(byId("left"));
}
