// Times, steps and figures in words.

const said = (text) => text; // this page has one language; drawing.js asks for it

/** A length of time: "35 s", "2 min 10 s", "1 h 05 min". */
function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
}

const whole = (n) => n.toLocaleString("en-US");

/** What a figure is called: "loss_D" is the loss of D. */
const figureName = (label) => label.replace(/^loss_(.+)$/, "loss of $1").replaceAll("_", " ");

/** What a grid of samples is of. */
function gridName(name) {
  const number = Number(name.slice(1));
  if (name === "stopped") return "where it was stopped";
  if (name === "e000") return "before the first step";
  return `${name[0] === "e" ? "epoch" : "step"} ${whole(number)}`;
}

/** A run's number, "00003", which is its name in short. */
const shortName = (name) => name.match(/^\d{5,}(?=-)/)?.[0] ?? name;

const STATES = { running: "running", done: "done", stopped: "stopped", failed: "failed", silent: "no news" };

/** Where a run is, how fast it goes, how long it still takes. */
function progressWords(run) {
  const parts = [run.total ? `step ${whole(run.step)} of ${whole(run.total)}` : `step ${whole(run.step)}`];
  const quiet = Date.now() / 1000 - run.changed;
  if (run.state === "running") {
    const since = Math.min(quiet, 20 / run.pace); // figures come every 20 steps
    if (run.pace && run.total) parts.push(`about ${duration((run.total - run.step) / run.pace - since)} left`);
    if (run.pace) parts.push(`${digits(run.pace)} steps/s`);
  } else if (run.state === "silent") parts.push(`nothing was written for ${duration(quiet)}: it may have been killed`);
  else if (run.seconds) parts.push(`${duration(run.seconds)} in all`);
  return parts.join(" · ");
}
