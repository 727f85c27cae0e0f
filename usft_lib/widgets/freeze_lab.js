// The freezing lab: the U-Net as a U of switches, a guess, buttons, live curves and outlines, a scoreboard (lesson 04).
//
// The front end asks ({id, do, …}), the kernel answers ({to, ok, message, snapshot}), and what is drawn is always the
// newest snapshot, never a guess of what a click will do. While something runs it looks twice a second, and draws anew only
// what changed: the browser shares its processor with the training.

const BUSY_MS = 500, IDLE_MS = 2000, POINT_MS = 250;
const PRESETS = ["everything", "contracting", "expanding", "scratch", "first", "last", "outer", "inner"];
const COUNTED = PRESETS.slice(4);
const IMAGES = { spread: "worst, median, best", worst: "the worst", median: "around the median", best: "the best" };

// What both sets of controls share: asking, looking, tasks, progress.
function session(model, root, onAnswer, show) {
  let snapshot = null, timer = null, refusal = ""; // it stays until something else is done
  const said = statusLine(), kernel = talk(model, said), live = make("div", "usft-running");
  const tasks = taskList();
  function ask(content) {
    kernel.ask(content, (answer, buffers) => {
      if (answer.snapshot) snapshot = answer.snapshot;
      onAnswer(answer, buffers, content, snapshot);
      if (content.do !== "look" && !content.quiet) refusal = answer.ok ? "" : answer.message;
      if (snapshot) draw();
      root.dataset.answered = answer.to; // tests wait for it
    });
  }
  function look() {
    clearTimeout(timer);
    timer = setTimeout(look, snapshot && snapshot.state === "running" ? BUSY_MS : IDLE_MS);
    if (!kernel.busy() && !document.hidden) ask({ do: "look", version: snapshot ? snapshot.version : -1 });
  }
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
      lines.get(run.run).words.textContent = howFar(run, runs);
    }
  }
  function howFar(run, runs) { // runs take turns, so each waits for the steps of all
    const rate = run.rate ? `${run.rate.toFixed(1)} steps/s` : "";
    const left = run.time_left ? `${Math.ceil(runs.reduce((sum, one) => sum + (one.time_left ?? 0), 0))} s left` : "";
    const name = run.repeats === null ? run.label : `${run.label}, seed ${run.seed}`;
    return [`${name}: step ${run.step} of ${run.steps}`, rate, left].filter(Boolean).join(", ");
  }
  function draw() {
    const waiting = snapshot.runs.filter((r) => r.status === "waiting").length;
    const now = [refusal || snapshot.message, snapshot.state === "paused" ? "Paused." : "", waiting > 1 ? `${waiting} more runs wait.` : ""].filter(Boolean).join(" ");
    if (said.textContent !== now) said.textContent = now; // read aloud only when it changes
    progress(snapshot.runs.filter((r) => r.status === "running"));
    tasks.show(snapshot.tasks);
    show(snapshot);
    root.dataset.state = snapshot.state;
  }
  function end() {
    clearTimeout(timer);
    kernel.close();
  }
  return { ask, look, end, said, live, tasks: tasks.node, redraw: () => snapshot && draw() };
}

function guessing(name, onChange) { // a slider for a Dice
  const slider = make("input"), value = make("span", "usft-guess-value", "none yet"), label = make("label", "usft-guess");
  Object.assign(slider, { type: "range", min: 0, max: 100, value: 50 });
  set(slider, { "aria-label": name });
  function show(dice) {
    value.textContent = dice === null ? "none yet" : dice.toFixed(2);
    if (!slider.matches(":active")) slider.value = dice === null ? 50 : 100 * dice; // not under the hand that moves it
    slider.classList.toggle("usft-unset", dice === null);
    set(slider, { "aria-valuetext": value.textContent });
  }
  slider.addEventListener("input", () => show(slider.value / 100));
  slider.addEventListener("change", () => onChange(slider.value / 100));
  slider.addEventListener("click", () => { // where it is: no change, but a guess
    if (!slider.classList.contains("usft-unset")) return;
    show(slider.value / 100);
    onChange(slider.value / 100);
  });
  show(null);
  label.append(slider, value);
  return { label, slider, show };
}
const judged = (guess, dice) => {
  if (guess === null) return "no guess";
  const off = Math.abs(guess - dice).toFixed(2);
  return off === "0.00" ? "as you guessed" : `your guess was ${off} too ${guess < dice ? "low" : "high"}`;
};
const newestWith = (runs, what) => [...runs].reverse().find((r) => r.repeats === null && what(r));

// ---- four strategies, a guess for each, their race ----
function presetsOnly(model, root) {
  const race = model.get("race"), guesses = new Map(), curves = plot("Dice on validation images"), views = pictures(() => {});
  const core = session(model, root, (answer, buffers) => answer.pictures && views.begin(answer.pictures, buffers), show);
  const lines = race.map(({ name, trainable }, colour) => {
    const line = make("div", "usft-racer"), guess = guessing(`Your guess of the Dice of ${name}`, (dice) => guesses.set(name, dice));
    const words = make("span", "usft-quiet", `${trainable.toLocaleString("en")} parameters${name === "scratch" ? ", from random weights" : ""}`), found = make("strong", "usft-found");
    line.append(swatch({ colour }), make("strong", "usft-racer-name", name), words, guess.label, found);
    return { name, line, guess, found };
  });
  const go = button("Race", () => core.ask({ do: "race", strategies: race.map((r) => r.name), guesses: race.map((r) => guesses.get(r.name) ?? null) }));
  const stop = button("Stop", () => core.ask({ do: "stop" })), row = make("div", "usft-row"), seen = make("div", "usft-live");
  go.classList.add("usft-main");
  row.append(go, stop);
  seen.append(curves.svg, views.frame);
  root.append(core.tasks, make("div", "usft-part", "Guess the Dice that each reaches, then let them race."), ...lines.map((l) => l.line), row, core.said, core.live, seen);
  function show(snapshot) {
    const idle = snapshot.state === "idle", runs = snapshot.runs.filter((r) => r.repeats === null).slice(-race.length);
    go.disabled = !idle;
    stop.hidden = idle;
    lines.forEach(({ guess, found, name }, k) => {
      const run = runs.length === race.length ? runs[k] : null;
      guess.slider.disabled = !idle;
      if (guesses.has(name)) guess.show(guesses.get(name));
      found.textContent = run && run.dice !== null ? `Dice ${three(run.dice)}, ${judged(run.guess, run.dice)}` : "";
    });
    const four = runs.map((run, colour) => ({ ...run, colour }));
    curves.show(four, "val", snapshot.steps);
    views.show(four);
    views.caption.textContent = "Validation images: the truth dashed, each network’s outline in its colour.";
  }
  core.ask({ do: "pictures" });
  core.look();
  return core.end;
}

function everything(model, root) {
  const blocks = model.get("blocks");
  const tray = new Map(); // groups and guesses of the strategies that wait for their race
  let snapshot = null, drawnVersion = null, drawnImages = null, looked = null, pointing = null, ratios = null, asked = "";
  const fields = new Map(); // what was measured: [width, strength a pixel]
  const about = make("p", "usft-about", "Point at a group, or go there by Tab and arrows: this line then says what it sees and costs."), cost = make("p", "usft-cost");
  const core = session(model, root, answered, show), { ask } = core;
  let guessesAsked = 0; // that the kernel has not answered: until then a snapshot may hold an older guess than the slider

  function answered(answer, buffers, content, newest) {
    snapshot = newest;
    if (content.do === "guess") guessesAsked -= 1;
    if (content.adds) addToRace(snapshot);
    if (answer.pictures) {
      views.begin(answer.pictures, buffers);
      number.value = answer.pictures.numbers[0];
    }
    if (answer.csv !== undefined) save(answer.csv);
    if (answer.ratios) ratios = answer.ratios;
    if (answer.compare) paired.show(answer.compare, buffers, snapshot.runs);
    if (content.do === "field") {
      fields.set(content.key, answer.ok ? { ...answer.field, strength: buffers[0] } : { message: answer.message });
      tell();
    }
  }
  function save(text) {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "scoreboard.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // The run that blocks and pictures are about: the one that is ticked, else the newest that is over.
  const focus = () => snapshot && (newestWith(snapshot.runs, (r) => board.ticked()[0] === r.run) ?? newestWith(snapshot.runs, (r) => !r.hidden && r.dice !== null));
  const ofRun = () => (focus() ? `“${focus().label}”` : "the network as it came");
  function saving(name) {
    const part = `${(100 * snapshot.savings[name]).toFixed(1)} % of a full step`;
    return snapshot.chosen.includes(name) ? `Freezing it now would save ${part}.` : `Frozen, it saves ${part}.`;
  }
  function point(block) {
    looked = block;
    tell();
    clearTimeout(pointing); // passing over a block asks nothing
    pointing = setTimeout(() => {
      const image = views.looked(), run = focus()?.run ?? null, key = [block.name, image, run].join();
      if (image !== null && !fields.has(key)) ask({ do: "field", group: block.name, image, run, key, quiet: true });
    }, POINT_MS);
  }
  function tell() {
    if (!looked || !snapshot) return;
    const block = looked, image = views.looked(), found = fields.get([block.name, image, focus()?.run ?? null].join());
    const measured = !found ? "" : found.message ? ` ${found.message}` : ` In ${ofRun()}, 95 % of what its middle pixel sees of image ${image} lies within ${found.width} columns (shaded in the image below).`;
    views.field(found?.strength ? found : null, found?.strength);
    const text = `${block.name}: ${block.parameters.toLocaleString("en")} parameters, ${block.channels} channels; a pixel of it can see ` +
      `${block.field} × ${block.field} pixels.${measured} MFLOP an image: ${block.forward.toFixed(0)} forward, backward ` +
      `${block.to_inputs.toFixed(0)} to its inputs and ${block.to_weights.toFixed(0)} to its weights. ` + saving(block.name);
    if (about.textContent !== text) about.textContent = text;
  }

  const u = theU(model.get("drawing"), blocks, (group) => ask({ do: "toggle", group }), point);
  const colouring = choice("Colour blocks by", { state: "trained or frozen", change: "change of weights", ratio: "gradient ÷ weight, before training" }, (by) => {
    if (by === "ratio" && !ratios) ask({ do: "ratios" });
    core.redraw();
  });
  const key = make("span", "usft-quiet usft-key");
  const k = make("input");
  Object.assign(k, { type: "number", min: 1, max: blocks.length, value: 2 });
  const counted = make("label", "usft-k");
  counted.append(make("span", "", "k ="), k);
  const presets = make("div", "usft-row usft-presets");
  const presetButtons = PRESETS.map((name) => button(COUNTED.includes(name) ? `${name} k` : name, () =>
    ask({ do: "preset", name, ...(COUNTED.includes(name) ? { k: Number(k.value) } : {}) })));
  presets.append(...presetButtons.slice(0, 4), counted, ...presetButtons.slice(4));

  function noteGuess(dice) {
    guessesAsked += 1;
    ask({ do: "guess", dice });
  }
  const guess = guessing("Your guess of the Dice", noteGuess);
  guess.label.prepend(make("span", "", "Your guess of the Dice:"));

  const actions = make("div", "usft-row usft-actions");
  const go = button("Fine-tune", () => ask({ do: "start" }));
  const pause = button("Pause", () => ask({ do: "pause" })), resume = button("Resume", () => ask({ do: "resume" }));
  const stop = button("Stop", () => ask({ do: "stop" }));
  const add = button("Add to race", () => ask({ do: "look", version: -1, adds: true })); // what the kernel holds after all that was clicked before
  function addToRace({ label, preset, chosen, guess: dice }) {
    tray.set(label, { label, groups: preset || [...chosen], guess: dice ?? tray.get(label)?.guess ?? null });
    noteGuess(null); // the guess went with it
  }
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
          core.redraw();
        }), { "aria-label": `Take out of the race: ${label}` })));
    });
  }

  const diceplot = plot("Dice on validation images"), lossplot = plot("Loss, smoothed over its raw trace");
  const views = pictures(() => looked && point(looked)), look = make("div", "usft-row");
  const images = choice("Look at", IMAGES, (which) => ask({ do: "look at", which }));
  const number = make("input"), byNumber = make("label", "usft-k");
  Object.assign(number, { type: "number", min: 0 });
  number.addEventListener("change", () => ask({ do: "look at", which: [Number(number.value)] }));
  byNumber.append(make("span", "", "or number"), number);
  look.append(images.label, byNumber);
  const seen = make("div", "usft-live"), viewed = make("div");
  viewed.append(look, views.frame);
  seen.append(diceplot.svg, lossplot.svg, viewed);

  const board = scoreboard(ask, () => core.redraw()), paired = pair(), test = make("p", "usft-test");
  const csv = button("Save the scoreboard as CSV", () => ask({ do: "csv" }));
  function showPair() { // asked for when another pair is ticked, or one of the two got a further seed
    const two = board.ticked();
    const now = two.length < 2 ? "" : JSON.stringify([two, snapshot.board.filter((r) => two.includes(r.run)).map((r) => [r.strategy, r.seeds])]);
    if (now === asked) return;
    asked = now;
    if (now) ask({ do: "compare", runs: two });
    else paired.show(null);
  }

  function show() {
    const idle = snapshot.state === "idle", chosen = snapshot.chosen, run = focus();
    board.show(snapshot);
    const changes = run?.changes.length ? run.changes : null, by = colouring.value();
    const values = by === "ratio" ? ratios : by === "change" ? changes : null;
    u.show(chosen, !idle, values, by === "ratio" ? (x) => x.toPrecision(2) : percent, changes, by !== "change");
    key.textContent = changes ? `Bars${by === "change" ? " and colours" : ""}: how far weights moved in ${ofRun()}, at most ${percent(Math.max(...changes))}.`
      : by === "change" ? "Weights have not moved yet." : "";
    cost.textContent = chosen.length
      ? `${snapshot.label}: ${snapshot.cost.trainable.toLocaleString("en")} parameters learn (${(100 * snapshot.cost.share).toFixed(1)} %); a step takes about ${(100 * snapshot.cost.step).toFixed(0)} % of the operations of training everything.`
      : "Everything is frozen: nothing would learn. Click a group.";
    go.disabled = !idle || !chosen.length;
    pause.disabled = snapshot.state !== "running";
    resume.disabled = snapshot.state !== "paused";
    stop.disabled = idle;
    add.disabled = !idle || !chosen.length || tray.size === 6;
    race.disabled = !idle || tray.size < 2;
    race.textContent = tray.size ? `Race ${tray.size} strategies` : "Race";
    showTray();
    if (snapshot.version !== drawnVersion && !guessesAsked) {
      guess.show(snapshot.guess);
      drawnVersion = snapshot.version;
    }
    for (const node of presetButtons) node.disabled = !idle;
    const watched = snapshot.watched.join(", ");
    if (drawnImages !== watched && drawnImages !== null) ask({ do: "pictures" });
    drawnImages = watched;
    tell();
    diceplot.show(snapshot.runs, "val", snapshot.steps);
    lossplot.show(snapshot.runs, "loss", snapshot.steps);
    views.show(snapshot.runs);
    const followed = snapshot.runs.filter((r) => !r.hidden && Object.keys(r.outlines).length).map((r) => r.label).join(", ");
    views.caption.textContent = `Validation images ${watched}: the truth dashed${followed && `; the last trained, ${followed} (first training), in colour`}. Click one to see it large, and again to shrink it.`;
    test.textContent = snapshot.test
      ? `The test set, opened once, for “${snapshot.test.strategy}”: Dice ${three(snapshot.test.dice)} ${within(snapshot.test.low, snapshot.test.high)}, ${times(snapshot.test.seeds)}.` : "";
    showPair();
  }
  const part = (words) => make("div", "usft-part", words), left = make("div"), right = make("div"), above = make("div", "usft-above");
  const beneath = make("div", "usft-row");
  beneath.append(colouring.label, key);
  left.append(part("1 · Choose who learns: click a group, or take a preset."), u.svg, beneath, presets);
  right.append(cost, about, part("2 · Guess before you know."), guess.label, part("3 · Fine-tune, or race several."), actions, racers, core.said, core.live);
  above.append(left, right);
  root.append(core.tasks, above, seen, part("4 · Compare: tick one to repeat it with other seeds, two to compare them."), board.node, paired.node, test, csv);
  ask({ do: "pictures" });
  core.look();
  return () => {
    clearTimeout(pointing);
    core.end();
  };
}

function choice(name, options, onChoose) { // a labelled list to choose from
  const label = make("label", "usft-choice"), select = set(make("select"), { "data-lm-suppress-shortcuts": "" });
  for (const [value, text] of Object.entries(options)) select.append(set(make("option", "", text), { value }));
  select.addEventListener("change", () => onChoose(select.value));
  label.append(make("span", "", name), select);
  return { label, value: () => select.value };
}

function render({ model, el }) {
  const root = make("div", "usft-widget usft-lab"), frame = make("div", "usft-frame"); // the style measures its widths by the frame
  frame.append(root);
  el.append(frame);
  return model.get("controls") === "presets" ? presetsOnly(model, root) : everything(model, root);
}

export default { render };
