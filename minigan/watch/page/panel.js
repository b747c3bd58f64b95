// What is shown of one run: where it is, its samples as they grew, its traces.

const inFrame = window.top !== window; // a notebook's, which has no way back
const calm = matchMedia("(prefers-reduced-motion: reduce)");

class Panel {
  constructor(key) {
    this.key = key;
    this.grids = [];
    this.at = 0; // the grid on show
    this.waits = null; // the traces there were when one was asked for
    this.name = html("h2", {});
    this.state = html("span", { class: "state" });
    this.where = html("span", {});
    this.bar = html("progress", { "aria-label": "Steps taken" });
    this.message = html("p", { class: "message" });
    this.about = html("dl", { class: "choices" });
    this.under = html("img", { alt: "", class: "under" });
    this.over = html("img", { alt: "" });
    this.play = html("button", { type: "button", class: "round" });
    this.slider = html("input", { type: "range", min: 0, step: 1, "aria-label": "Samples, from the first to the newest" });
    this.of = html("p", { class: "of" });
    this.reals = html("button", { type: "button", class: "pill", "aria-pressed": "false" }, "Real ones");
    this.samples = html("figure", { class: "samples" }, html("div", { class: "stage" }, this.under, this.over),
      html("div", { class: "scrub" }, this.play, this.slider, this.reals), this.of);
    this.ask = html("button", { type: "button", class: "pill ask" }, "Trace the next step");
    this.asked = html("p", { class: "hint", role: "status" });
    this.links = html("p", { class: "links" });
    this.command = html("code", {});
    this.other = html("p", { class: "hint" }, "Step through a step from its last checkpoint: ", this.command);
    this.element = html("article", { class: "panel card" }, this.name, html("p", { class: "where" }, this.state, this.where), this.bar, this.message,
      this.samples, html("div", { class: "tracing" }, this.ask, this.asked, this.links, this.other),
      html("details", {}, html("summary", {}, "Its choices"), this.about));
    this.slider.addEventListener("input", () => { this.stop(); this.show(Number(this.slider.value)); });
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
    this.reals.addEventListener("click", () => { this.stop(); this.show(this.at, this.reals.getAttribute("aria-pressed") !== "true"); });
    this.ask.addEventListener("click", () => this.request());
    this.stop();
  }

  update(run, colour) {
    const wasLast = this.at >= this.grids.length - 1;
    this.run = run;
    this.name.replaceChildren(html("span", { class: `dot ${colour}` }), run.name);
    this.state.textContent = STATES[run.state];
    this.state.dataset.state = run.state;
    this.bar.hidden = !run.total;
    Object.assign(this.bar, { max: run.total || 1, value: run.step });
    this.tick();
    this.message.hidden = !run.message || run.state !== "stopped"; // why it failed stands above all
    this.message.textContent = run.message;
    this.about.replaceChildren(...run.about.map(([name, value]) => html("div", {}, html("dt", {}, name.replaceAll("_", " ")), html("dd", {}, value))));
    const reals = run.grids.find(([name]) => name === "reals");
    this.real = reals && this.address(reals);
    this.reals.hidden = !this.real;
    const grids = run.grids.filter(([name]) => name !== "reals");
    const changed = JSON.stringify(grids) !== JSON.stringify(this.grids);
    this.grids = grids;
    this.samples.hidden = !grids.length;
    this.slider.max = Math.max(0, grids.length - 1);
    this.slider.disabled = grids.length < 2;
    if (changed && grids.length && !this.timer) this.show(wasLast ? grids.length - 1 : Math.min(this.at, grids.length - 1));
    this.updateTracing(run);
  }

  /** What changes as time goes by, without news. */
  tick() {
    this.where.textContent = progressWords(this.run);
  }

  // --- samples -----------------------------------------------------------------------------------

  address([name, version]) {
    return `/run/${this.key}/samples/${name}.png?${version}`;
  }

  /** Show a grid: it comes up out of the one before. */
  show(index, real = false) {
    this.at = index;
    this.slider.value = index;
    this.reals.setAttribute("aria-pressed", String(real));
    const address = real ? this.real : this.address(this.grids[index]);
    const [name] = this.grids[index];
    const what = real ? "Real samples" : `Samples: ${gridName(name)}`;
    this.of.textContent = real ? "Real samples, which it learns from" : `${what}${index === this.grids.length - 1 ? ", the newest" : ""} (${index + 1} of ${this.grids.length})`;
    this.slider.setAttribute("aria-valuetext", gridName(name));
    if (this.over.getAttribute("src") === address) return;
    if (this.over.getAttribute("src")) this.under.src = this.over.src;
    this.over.classList.toggle("in", !this.over.getAttribute("src")); // the first one comes as it can
    this.over.alt = what;
    this.over.src = address;
    this.over.decode().catch(() => {}).finally(() => this.over.classList.add("in"));
  }

  start() {
    if (this.at >= this.grids.length - 1) this.show(0);
    const pace = Math.max(150, Math.min(600, 9000 / this.grids.length));
    this.timer = setInterval(() => {
      if (this.at >= this.grids.length - 1) return this.stop();
      this.show(this.at + 1);
    }, pace);
    this.drawPlay();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.drawPlay();
  }

  drawPlay() {
    const d = this.timer ? "M4 3 h4.5 v14 h-4.5 Z M11.5 3 h4.5 v14 h-4.5 Z" : "M5 3 L17 10 L5 17 Z";
    this.play.replaceChildren(svg("svg", { viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d })));
    this.play.setAttribute("aria-label", this.timer ? "Pause" : "Play from the first samples");
  }

  // --- traces ------------------------------------------------------------------------------------

  link(step, words) {
    return html("a", { href: `/run/${this.key}/trace/${step}`, target: inFrame ? "_blank" : null }, words);
  }

  updateTracing(run) {
    const running = run.state === "running";
    this.ask.hidden = !running;
    this.other.hidden = running;
    this.command.textContent = run.commands.trace;
    const shown = run.traces.slice(-12);
    this.links.hidden = !shown.length;
    this.links.replaceChildren("Traced: ", ...shown.flatMap((step, i) => [i ? ", " : "", this.link(step, `step ${whole(step)}`)]));
    const waiting = this.waits !== null || run.requested;
    this.ask.setAttribute("aria-disabled", String(waiting));
    const fresh = this.waits && run.traces.find((step) => !this.waits.has(step));
    if (fresh !== null && fresh !== undefined) {
      this.waits = null;
      this.ask.setAttribute("aria-disabled", "false");
      this.asked.replaceChildren("Step ", this.link(fresh, whole(fresh)), " was traced.");
      if (!inFrame) location.assign(`/run/${this.key}/trace/${fresh}`);
      this.asked.dataset.told = "yes";
    } else if (waiting && running) this.asked.textContent = `Asked: ${inFrame ? "a link to it stands" : "it opens"} here as soon as the step is taken.`;
    else if (this.waits) {
      this.waits = null;
      this.asked.textContent = "The run ended before another step was taken.";
      this.asked.dataset.told = "yes";
    } else if (!this.asked.dataset.told) { // what was told of the last request stays until the next
      this.asked.textContent = running ? "Every layer's values and gradients in the step that comes, to step through. The run stays the same to the bit." : "";
    }
  }

  /** Ask for a trace: the one thing that is written. */
  async request() {
    if (this.ask.getAttribute("aria-disabled") === "true") return;
    this.waits = new Set(this.run.traces);
    delete this.asked.dataset.told;
    this.updateTracing(this.run);
    const token = document.querySelector("meta[name=token]").content;
    const answer = await fetch(`/run/${this.key}/trace`, { method: "POST", headers: { "X-Minigan-Token": token } }).catch(() => null);
    if (!answer?.ok) {
      this.waits = null;
      this.asked.dataset.told = "yes";
      this.asked.textContent = answer ? await answer.text() : "The server has ended.";
      this.ask.setAttribute("aria-disabled", "false");
    } else refresh();
  }
}
