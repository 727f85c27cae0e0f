// The freezing lab: the U-Net as a U of switches, a guess, buttons, live curves and outlines, a scoreboard (lesson 04).
//
// The front end asks ({id, do, …}), the kernel answers ({to, ok, message, snapshot}), and what is drawn is always the
// newest snapshot, never a guess of what a click will do. While something runs it looks twice a second, and draws anew only
// what changed: the browser shares its processor with the training.

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]; // Okabe and Ito
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4"]; // a second sign beside the colour
const BUSY_MS = 500, IDLE_MS = 2000;
const PRESETS = ["everything", "contracting", "expanding", "first", "last", "outer", "inner"];
const COUNTED = PRESETS.slice(3);

// Colour and dashes of a run: the seventh has the first one's colour, and other dashes.
const pen = ({ colour }) => ({ stroke: COLOURS[colour % 6], "stroke-dasharray": DASHES[(colour + Math.floor(colour / 6)) % 6] });
function swatch(run) { // the run's line as it is drawn in the plots
  const svg = drawn("svg", { viewBox: "0 0 26 10", class: "usft-swatch", "aria-hidden": "true" });
  svg.append(drawn("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-width": 3, ...pen(run) }));
  return svg;
}
// Call `draw` only if `key` is another one than the last time.
function onChange() {
  let last = null;
  return (key, draw) => {
    const now = JSON.stringify(key);
    if (now !== last) draw();
    last = now;
  };
}
const three = (x) => (x === null || x === undefined ? "–" : x.toFixed(3));

// ---- the U: the drawing that Python made (UNetDiagram), and of each of its blocks a switch ----
function theU(drawing, blocks, onToggle, onLook) {
  const svg = document.importNode(new DOMParser().parseFromString(drawing, "image/svg+xml").documentElement, true);
  set(svg, { class: "usft-u", role: "group", "aria-label": "The U-Net's groups" });
  const switches = blocks.map((block, place) => {
    const g = svg.querySelector(`[data-group="${block.name}"]`);
    g.querySelector("title").remove(); // it says how the group was when it was drawn
    set(g, { class: "usft-block", role: "switch", tabindex: place ? -1 : 0, "data-lm-suppress-shortcuts": "" });
    g.addEventListener("click", () => onToggle(block.name));
    for (const event of ["mouseenter", "focus"]) g.addEventListener(event, () => onLook(block));
    g.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === " " || event.key === "Enter") onToggle(block.name);
      else if (step) {
        const next = switches[(place + step + blocks.length) % blocks.length];
        for (const other of switches) set(other, { tabindex: other === next ? 0 : -1 });
        next.focus();
      } else return;
      event.preventDefault();
    });
    return g;
  });
  function show(chosen, locked) {
    switches.forEach((g, k) => {
      const name = blocks[k].name, on = chosen.includes(name);
      set(g, { "aria-checked": on, "aria-disabled": locked, "aria-label": `${name}, ${on ? "trained" : "frozen"}` });
      g.lastElementChild.textContent = on ? "● trained" : "❄ frozen";
    });
  }
  return { svg, show };
}

// The end of an axis: the next round number, 1 where there is nothing yet.
function round(value) {
  if (!(value > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].map((m) => m * ten).find((end) => end >= value * 0.999);
}

// ---- curves: one plot, a line a run, the newest thick ----
function plot(title) {
  const W = 360, H = 190, L = 42, B = 28, T = 24;
  const svg = drawn("svg", { viewBox: `0 0 ${W} ${H}`, class: "usft-plot", role: "img", "aria-label": title });
  const changed = onChange();
  function show(runs, key, planned, top) {
    const seen = runs.map((r) => [r.run, r.hidden, r.status, r[key].length]);
    changed([planned, seen], () => paint(runs, key, planned, top));
  }
  function paint(runs, key, planned, top) {
    svg.replaceChildren(drawn("text", { x: L, y: 15, class: "usft-plot-title" }, title));
    const steps = Math.max(planned, ...runs.map((r) => r.steps));
    const high = top ?? round(Math.max(0, ...runs.flatMap((r) => r[key].map((p) => p[1]))));
    const X = (s) => L + ((W - L - 10) * s) / steps, Y = (v) => T + (H - T - B) * (1 - Math.min(1, v / high));
    for (const part of [0, 0.5, 1]) {
      svg.append(
        drawn("line", { x1: L, x2: W - 10, y1: Y(part * high), y2: Y(part * high), class: "usft-grid" }),
        drawn("text", { x: L - 5, y: Y(part * high) + 4, class: "usft-tick", "text-anchor": "end" }, (part * high).toFixed(2)),
      );
    }
    svg.append(drawn("text", { x: L, y: H - 8, class: "usft-tick" }, "0"));
    svg.append(drawn("text", { x: W - 10, y: H - 8, class: "usft-tick", "text-anchor": "end" }, `step ${steps}`));
    if (!runs.some((r) => r[key].length)) {
      svg.append(drawn("text", { x: (L + W - 10) / 2, y: (T + H - B) / 2 - 14, class: "usft-tick", "text-anchor": "middle" }, "A curve grows here while it learns."));
    }
    const live = runs.filter((r) => r.status === "running");
    for (const run of runs) {
      if (run.hidden || !run[key].length) continue;
      const now = live.length ? run.status === "running" : run === runs[runs.length - 1];
      svg.append(drawn("polyline", {
        points: run[key].map(([s, v]) => `${X(s).toFixed(1)},${Y(v).toFixed(1)}`).join(" "),
        fill: "none", "stroke-width": now ? 2.6 : 1, ...pen(run),
      }));
    }
  }
  return { svg, show };
}

// ---- three validation images: the truth dashed, what the network draws in the run's colour ----
function pictures() {
  const frame = make("figure", "usft-pictures");
  const changed = onChange();
  let overlays = [];
  function begin({ size, truth }, buffers) {
    frame.replaceChildren();
    overlays = buffers.map((buffer, k) => {
      const cell = make("div", "usft-picture"), canvas = make("canvas");
      paintGrey(canvas, size, buffer);
      const svg = drawn("svg", { viewBox: `-2 -2 ${4 * size} ${4 * size}`, role: "img", "aria-label": `Validation image ${k + 1}: the truth dashed, the network's outlines in colour` });
      for (const points of truth[k] ?? []) svg.append(drawn("polygon", { points: points.join(" "), class: "usft-truth" }));
      const layer = drawn("g");
      svg.append(layer);
      cell.append(canvas, svg);
      frame.append(cell);
      return layer;
    });
    frame.append(make("figcaption", "", "Validation images: the truth dashed, the network’s outline in its run’s colour."));
  }
  function show(runs) {
    changed([overlays.length, runs.map((r) => [r.run, r.hidden, r.val.length, Object.keys(r.outlines).length])], () => paint(runs));
  }
  function paint(runs) {
    overlays.forEach((layer, k) => {
      layer.replaceChildren(...runs.filter((r) => !r.hidden).flatMap((run) => (run.outlines[k] ?? []).map((points) =>
        drawn("polygon", { points: points.join(" "), fill: "none", "stroke-width": 5, stroke: pen(run).stroke }))));
    });
  }
  return { frame, begin, show };
}

// ---- the scoreboard ----
const COLUMNS = [
  ["label", "strategy"], ["trainable", "parameters"], ["dice", "Dice (95 % interval)"], ["seconds", "training"],
  ["steps_to_95", "to 95 % of its plateau"], ["guess", "your guess (error)"], ["status", ""],
];
const REFERENCES = { untouched: "not fine-tuned at all", "mean shape": "mean of training masks" };
const shortly = (seconds) => `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
const within = (x) => (x.low === null || x.low === undefined ? "" : ` (${three(x.low)} … ${three(x.high)})`);
function scoreboard(ask) {
  const node = make("div", "usft-board"), table = make("table"), hidden = make("p", "usft-hidden");
  node.append(table, hidden);
  let by = "dice", down = true, newest = null, committing = null;
  function cell(run, key) {
    if (key === "label") {
      const td = make("th");
      td.scope = "row";
      const name = set(make("input", "usft-label"), { "aria-label": `Name of run ${run.run}` });
      name.value = run.label;
      name.addEventListener("change", () => ask({ do: "rename", run: run.run, label: name.value }));
      td.append(swatch(run), name);
      return td;
    }
    const text = {
      trainable: () => run.trainable.toLocaleString("en"), dice: () => three(run.dice) + within(run), seconds: () => shortly(run.seconds),
      steps_to_95: () => (run.steps_to_95 === null ? "–" : `${run.steps_to_95} steps, ${shortly(run.seconds_to_95)}`),
      guess: () => (run.guess === null ? "–" : `${run.guess.toFixed(2)} (${run.dice === null ? "?" : (run.guess - run.dice >= 0 ? "+" : "−") + Math.abs(run.guess - run.dice).toFixed(2)})`),
    }[key];
    if (text) return make("td", "usft-number", text());
    const td = make("td", "usft-row-buttons");
    if (run.status === "stopped" || run.status === "failed") td.append(make("span", "", run.status));
    td.append(set(button("hide", () => ask({ do: "hide", run: run.run, hidden: true })), { "aria-label": `Hide ${run.label}` }));
    if (run.status === "done" && newest.has_test && !newest.test) {
      const sure = committing === run.run;
      td.append(button(sure ? "Sure? Only once." : "open the test set", () => {
        committing = sure ? null : run.run;
        if (sure) ask({ do: "commit", run: run.run });
        else show(newest);
      }));
    }
    return td;
  }
  function show(snapshot) {
    newest = snapshot;
    const key = JSON.stringify([by, down, committing, snapshot.has_test, snapshot.test, snapshot.references,
      snapshot.runs.map((r) => [r.run, r.label, r.dice, r.hidden, r.status])]);
    if (node.dataset.key === key) return; // a button that is made anew under the pointer loses its click
    if (node.getRootNode().activeElement?.matches(".usft-label") && node.contains(node.getRootNode().activeElement)) return; // a name is being typed
    node.dataset.key = key;
    const held = node.getRootNode().activeElement?.dataset?.at;
    const head = make("tr");
    for (const [key, title] of COLUMNS) {
      const th = make("th");
      th.scope = "col";
      if (key !== "label" && title) th.className = "usft-number";
      if (title) {
        const sorter = button(title + (by === key ? (down ? " ▾" : " ▴") : ""), () => {
          down = by === key ? !down : true;
          by = key;
          show(newest);
        });
        th.append(sorter);
        set(th, { "aria-sort": by === key ? (down ? "descending" : "ascending") : "none" });
      } else set(th, { "aria-label": "what you can do" });
      head.append(th);
    }
    const runs = snapshot.runs.filter((r) => r.dice !== null && !r.hidden);
    const value = (r) => r[by] ?? -Infinity;
    runs.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
    const lines = runs.map((run) => {
      const tr = make("tr");
      tr.dataset.run = run.run;
      tr.append(...COLUMNS.map(([key]) => cell(run, key)));
      return tr;
    });
    for (const [name, found] of Object.entries(snapshot.references)) {
      const tr = make("tr", "usft-reference"), th = make("th", "", REFERENCES[name] ?? name);
      th.scope = "row";
      tr.append(th, make("td"), make("td", "usft-number", three(found.dice) + within(found)), ...Array.from({ length: COLUMNS.length - 3 }, () => make("td")));
      lines.push(tr);
    }
    const top = make("thead"), body = make("tbody");
    top.append(head);
    body.append(...lines);
    for (const [k, item] of [...top.querySelectorAll("button"), ...body.querySelectorAll("button")].entries()) item.dataset.at = k;
    table.replaceChildren(make("caption", "", "Scoreboard, on the validation images"), top, body);
    const away = snapshot.runs.filter((r) => r.hidden);
    hidden.replaceChildren(...(away.length ? [make("span", "", "Hidden: ")] : []), ...away.map((run) =>
      set(button(run.label, () => ask({ do: "hide", run: run.run, hidden: false })), { "aria-label": `Show ${run.label} again` })));
    if (held !== undefined) table.querySelector(`[data-at="${held}"]`)?.focus();
  }
  return { node, show };
}

function render({ model, el }) {
  const blocks = model.get("blocks");
  const root = make("div", "usft-widget usft-lab");
  const tray = new Map(); // groups and guesses of the strategies that wait for their race
  let snapshot = null, drawnVersion = null, timer = null, looked = null;
  const said = statusLine(), kernel = talk(model, said), about = make("p", "usft-about", "Point at a group, or go there by Tab and arrows: what it sees and costs stands here."), cost = make("p", "usft-cost");

  function ask(content) {
    kernel.ask(content, (answer, buffers) => {
      if (answer.pictures) views.begin(answer.pictures, buffers);
      if (answer.csv !== undefined) save(answer.csv);
      if (answer.snapshot) snapshot = answer.snapshot;
      if (snapshot) show(answer.ok ? "" : answer.message);
      root.dataset.answered = answer.to; // tests wait for it
    });
  }
  function look() {
    clearTimeout(timer);
    timer = setTimeout(look, snapshot && snapshot.state === "running" ? BUSY_MS : IDLE_MS);
    if (!kernel.busy() && !document.hidden) ask({ do: "look", version: snapshot ? snapshot.version : -1 });
  }
  function save(text) {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "scoreboard.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function saving(name) {
    if (!snapshot) return "";
    const part = `${(100 * snapshot.savings[name]).toFixed(1)} % of a full step`;
    return snapshot.chosen.includes(name) ? `Freezing it now would save ${part}.` : `Frozen, it saves ${part}.`;
  }
  function tell(block) {
    looked = block;
    about.textContent =
      `${block.name}: ${block.parameters.toLocaleString("en")} parameters, ${block.channels} channels; a pixel of it sees up to ` +
      `${block.field} × ${block.field} pixels. An image takes ${block.forward.toFixed(0)} MFLOP forward, and backward ` +
      `${block.to_inputs.toFixed(0)} for the gradient of its inputs and ${block.to_weights.toFixed(0)} for that of its weights. ` + saving(block.name);
  }
  const u = theU(model.get("drawing"), blocks, (group) => ask({ do: "toggle", group }), tell);
  const k = make("input");
  Object.assign(k, { type: "number", min: 1, max: blocks.length, value: 2 });
  const counted = make("label", "usft-k");
  counted.append(make("span", "", "k ="), k);
  const presets = make("div", "usft-row");
  const presetButtons = PRESETS.map((name) => button(COUNTED.includes(name) ? `${name} k` : name, () =>
    ask({ do: "preset", name, ...(COUNTED.includes(name) ? { k: Number(k.value) } : {}) })));
  presets.append(...presetButtons, counted);

  const slider = make("input"), guessed = make("span", "usft-guess-value", "none yet"), guessing = make("label", "usft-guess");
  Object.assign(slider, { type: "range", min: 0, max: 100, value: 50 });
  set(slider, { "aria-label": "Your guess of the Dice" });
  function showGuess(dice) {
    guessed.textContent = dice === null ? "none yet" : dice.toFixed(2);
    set(slider, { "aria-valuetext": guessed.textContent });
  }
  slider.addEventListener("input", () => showGuess(slider.value / 100));
  slider.addEventListener("change", () => ask({ do: "guess", dice: slider.value / 100 }));
  guessing.append(make("span", "", "Your guess of the Dice:"), slider, guessed);

  const actions = make("div", "usft-row usft-actions");
  const go = button("Fine-tune", () => ask({ do: "start" }));
  const pause = button("Pause", () => ask({ do: "pause" })), resume = button("Resume", () => ask({ do: "resume" }));
  const stop = button("Stop", () => ask({ do: "stop" }));
  const add = button("Add to race", () => {
    tray.set(snapshot.chosen.join(" "), { label: snapshot.label, groups: [...snapshot.chosen], guess: snapshot.guess });
    ask({ do: "guess", dice: null }); // the guess went with it
  });
  const race = button("Race", () => {
    ask({ do: "race", strategies: [...tray.values()].map((r) => r.groups), guesses: [...tray.values()].map((r) => r.guess) });
    tray.clear();
  });
  const racers = make("p", "usft-racers");
  go.classList.add("usft-main");
  actions.append(go, pause, resume, stop, add, race);
  const trayChanged = onChange(); // a button that is made anew under the pointer loses its click
  function showTray() {
    trayChanged([...tray], () => {
      const words = tray.size ? [make("span", "", "On the starting line: ")] : [];
      racers.replaceChildren(...words, ...[...tray].map(([key, { label, guess }]) =>
        set(button(`${label}${guess === null ? "" : `, guess ${guess.toFixed(2)}`} ✕`, () => {
          tray.delete(key);
          show("");
        }), { "aria-label": `Take out of the race: ${label}` })));
    });
  }
  const diceplot = plot("Dice on validation images"), lossplot = plot("Loss"), views = pictures();
  const live = make("div", "usft-running"), seen = make("div", "usft-live"), above = make("div", "usft-above");
  seen.append(diceplot.svg, lossplot.svg);
  above.append(u.svg, views.frame);
  const board = scoreboard(ask), test = make("p", "usft-test");
  const csv = button("Save the scoreboard as CSV", () => ask({ do: "csv" }));

  const changed = onChange();
  const lines = new Map(); // of the runs that are under way
  function progress(runs) {
    changed(runs.map((r) => r.run), () => {
      lines.clear();
      for (const run of runs) {
        const line = make("div", "usft-progress"), words = make("span");
        const bar = set(make("progress"), { "aria-label": `Progress of ${run.label}` });
        bar.max = run.steps;
        line.append(swatch(run), bar, words);
        lines.set(run.run, { line, bar, words });
      }
      live.replaceChildren(...[...lines.values()].map(({ line }) => line));
    });
    for (const run of runs) {
      lines.get(run.run).bar.value = run.step;
      lines.get(run.run).words.textContent = howFar(run);
    }
  }
  function howFar(run) {
    const rate = run.rate ? `${run.rate.toFixed(1)} steps/s` : "", left = run.time_left ? `${Math.ceil(run.time_left)} s left` : "";
    return [`${run.label}: step ${run.step} of ${run.steps}`, rate, left].filter(Boolean).join(", ");
  }
  function show(message) {
    const idle = snapshot.state === "idle";
    u.show(snapshot.chosen, !idle);
    cost.textContent = snapshot.chosen.length
      ? `${snapshot.label}: ${snapshot.cost.trainable.toLocaleString("en")} parameters learn (${(100 * snapshot.cost.share).toFixed(1)} %); a step takes about ${(100 * snapshot.cost.step).toFixed(0)} % of the operations of training everything.`
      : "Everything is frozen: nothing would learn. Click a group.";
    go.disabled = !idle || !snapshot.chosen.length;
    pause.disabled = snapshot.state !== "running";
    resume.disabled = snapshot.state !== "paused";
    stop.disabled = idle;
    add.disabled = !idle || !snapshot.chosen.length || tray.size === 6;
    race.disabled = !idle || tray.size < 2;
    race.textContent = tray.size ? `Race ${tray.size} strategies` : "Race";
    showTray();
    if (snapshot.version !== drawnVersion) showGuess(snapshot.guess);
    drawnVersion = snapshot.version;
    for (const node of presetButtons) node.disabled = !idle;
    const running = snapshot.runs.filter((r) => r.status === "running");
    const now = [message || snapshot.message, snapshot.state === "paused" ? "Paused." : ""].filter(Boolean).join(" ");
    if (said.textContent !== now) said.textContent = now; // read aloud only when it changes
    progress(running);
    if (looked) tell(looked);
    diceplot.show(snapshot.runs, "val", snapshot.steps, 1);
    lossplot.show(snapshot.runs, "loss", snapshot.steps);
    views.show(snapshot.runs);
    board.show(snapshot);
    test.textContent = snapshot.test
      ? `The test set, opened once, for “${snapshot.test.strategy}”: Dice ${three(snapshot.test.dice)}${within(snapshot.test)}.` : "";
    root.dataset.state = snapshot.state;
  }

  const part = (words) => make("div", "usft-part", words);
  root.append(
    part("1 · Choose who learns: click a group. ● trained learns, ❄ frozen stays as it is."), above, about, presets, cost,
    part("2 · Guess before you know."), guessing,
    part("3 · Fine-tune from the pretrained weights; or add two to six strategies to a race."), actions, racers, said, live, seen,
    part("4 · Compare."), board.node, csv, test,
  );
  const frame = make("div", "usft-frame"); // what the widths of the style are measured by
  frame.append(root);
  el.append(frame);
  ask({ do: "pictures" });
  look();
  return () => {
    clearTimeout(timer);
    kernel.close();
  };
}

export default { render };
