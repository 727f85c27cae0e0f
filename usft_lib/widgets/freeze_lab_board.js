// The freezing lab's scoreboard, and two of its strategies compared.

const COLUMNS = [
  ["label", "strategy"], ["trainable", "parameters"], ["dice", "Dice (95 % interval)"], ["difference", "difference"],
  ["steps_to_95", "to 95 % of the plateau"], ["guess", "your guess (error)"],
];
const signed = (x, digits = 3) => (x >= 0 ? "+" : "−") + Math.abs(x).toFixed(digits);
const shortly = (seconds) => `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
const within = (low, high) => (low === null || low === undefined ? "" : `(${three(low)} … ${three(high)})`);
const times = (seeds) => (seeds === 1 ? "one training" : `${seeds} seeds`);

function scoreboard(ask, onTick) {
  const node = make("div", "usft-board"), scroller = make("div", "usft-scroller"), table = make("table");
  const notes = make("p", "usft-plateau"), actions = make("div", "usft-row"), hidden = make("p", "usft-hidden");
  scroller.append(table);
  node.append(scroller, notes, actions, hidden);
  const open = new Set(); // strategies whose trainings are listed
  let by = "dice", down = true, newest = null, committing = null, ticked = [];

  const two = (upper, lower) => {
    const td = make("td", "usft-number", upper);
    if (lower) td.append(make("small", "", lower));
    return td;
  };
  function tick(run) {
    const box = set(make("input"), { type: "checkbox", "aria-label": `Choose ${run.label}`, "data-at": `tick ${run.run}` });
    box.checked = ticked.includes(run.run);
    box.addEventListener("change", () => {
      ticked = box.checked ? [...ticked, run.run].slice(-2) : ticked.filter((n) => n !== run.run);
      committing = null;
      show(newest);
      onTick();
    });
    return box;
  }
  function nameOf(run) {
    const th = set(make("th"), { scope: "row" }), name = set(make("input", "usft-label"), { "aria-label": `Name of run ${run.run}` });
    name.value = name.title = run.label;
    name.addEventListener("change", () => ask({ do: "rename", run: run.run, label: name.value }));
    th.append(tick(run), swatch(run), name);
    if (run.seeds > 1) {
      th.append(set(button(`${run.seeds} seeds ${open.has(run.run) ? "▾" : "▸"}`, () => {
        if (!open.delete(run.run)) open.add(run.run);
        show(newest);
      }), { class: "usft-small", "aria-expanded": open.has(run.run), "data-at": `seeds ${run.run}` }));
    }
    if (run.status !== "done") th.append(make("small", "", ` ${run.status}`));
    return th;
  }
  function line(run) {
    const tr = make("tr"), error = run.guess === null ? "" : `(${signed(run.guess - run.dice, 2)})`;
    tr.dataset.run = run.run;
    tr.append(
      nameOf(run), two(run.trainable.toLocaleString("en")), two(three(run.dice), within(run.low, run.high)),
      run.difference === null ? two("–", run.status === "done" ? times(run.seeds) : "")
        : two(`${signed(run.difference)} ${within(run.difference_low, run.difference_high)}`, run.word === "one training" ? (run.seeds > 1 ? "of the one seed that both have" : run.word) : `${times(run.paired)}: ${run.word}`),
      run.steps_to_95 === null ? two("never", shortly(run.seconds)) : two(`${run.steps_to_95.toFixed(0)} steps`, `${shortly(run.seconds_to_95)} of ${shortly(run.seconds)}`),
      two(run.guess === null ? "–" : run.guess.toFixed(2), error),
    );
    return [tr, ...(open.has(run.run) ? newest.runs.filter((r) => (r.repeats ?? r.run) === run.run && r.dice !== null).map(training) : [])];
  }
  function training(run) {
    const tr = make("tr", "usft-training"), th = set(make("th", "", `seed ${run.seed}${run.status === "done" ? "" : `, ${run.status}`}`), { scope: "row" });
    tr.append(th, make("td"), two(three(run.dice)), make("td"), make("td"), make("td"));
    return tr;
  }
  function reference(found) {
    const tr = make("tr", "usft-reference"), th = set(make("th", "", found.strategy), { scope: "row" });
    tr.append(th, make("td"), two(three(found.dice), within(found.low, found.high)), make("td"), make("td"), make("td"));
    return tr;
  }
  function head(against) {
    const tr = make("tr");
    for (const [key, title] of COLUMNS) {
      const words = key === "difference" && against ? `less ${against}, paired` : title;
      const th = set(make("th", key === "label" ? "" : "usft-number"), { scope: "col", "aria-sort": by === key ? (down ? "descending" : "ascending") : "none" });
      th.append(set(button(words + (by === key ? (down ? " ▾" : " ▴") : ""), () => {
        down = by === key ? !down : true;
        by = key;
        show(newest);
      }), { "data-at": `sort ${key}` }));
      tr.append(th);
    }
    return tr;
  }
  function act(rows) { // what can be done with the ticked strategies
    const chosen = rows.filter((r) => ticked.includes(r.run)), one = chosen.length === 1 && chosen[0], idle = newest.state === "idle";
    const names = chosen.map((r) => r.label).join(" and "), all = chosen.map((r) => r.run);
    const seeds = chosen.length && Math.min(...chosen.map((r) => r.seeds)) >= 3 ? 5 : 3;
    const buttons = [];
    if (chosen.length) {
      const repeat = set(button(`Repeat with ${seeds} seeds`, () => ask({ do: "again", runs: all, seeds })), { "data-at": "repeat" });
      repeat.disabled = !idle || chosen.some((r) => r.status !== "done") || Math.min(...chosen.map((r) => r.seeds)) >= seeds;
      buttons.push(make("span", "", `${names}:`), repeat, set(button("Hide", () => all.forEach((run) => ask({ do: "hide", run, hidden: true }))), { "data-at": "hide" }));
      if (one && one.status === "done" && newest.has_test && !newest.test) {
        const sure = committing === one.run;
        buttons.push(set(button(sure ? "Sure? Only once." : "Open the test set", () => {
          committing = sure ? null : one.run;
          if (sure) ask({ do: "commit", run: one.run });
          else show(newest);
        }), { "data-at": "commit" }));
      }
    } else if (rows.length) buttons.push(make("span", "usft-quiet", "Tick one strategy to repeat it with other seeds; tick two to compare them."));
    actions.replaceChildren(...buttons);
  }
  function show(snapshot) {
    newest = snapshot;
    const of = new Map(snapshot.runs.map((r) => [r.run, r]));
    const rows = snapshot.board.filter((r) => r.run !== null).map((r) => ({ ...of.get(r.run), ...r, label: r.strategy }));
    ticked = ticked.filter((n) => rows.some((r) => r.run === n)); // a hidden one is no longer chosen
    const key = JSON.stringify([by, down, committing, ticked, [...open], snapshot.state === "idle", snapshot.has_test, snapshot.test, snapshot.board,
      snapshot.runs.map((r) => [r.run, r.label, r.dice, r.hidden])]);
    if (node.dataset.key === key) return; // a button that is made anew under the pointer loses its click
    const active = node.getRootNode().activeElement;
    if (active?.matches(".usft-label") && node.contains(active)) return; // a name is being typed
    node.dataset.key = key;
    const held = node.contains(active) ? active.dataset.at : undefined;
    const value = (r) => r[by] ?? -Infinity;
    rows.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
    const top = make("thead"), body = make("tbody");
    top.append(head(rows.find((r) => r.against)?.against));
    body.append(...rows.flatMap(line), ...snapshot.board.filter((r) => r.run === null).map(reference));
    table.replaceChildren(make("caption", "", "Scoreboard, on the validation images"), top, body);
    notes.textContent = snapshot.plateau;
    act(rows);
    const away = snapshot.runs.filter((r) => r.hidden && r.repeats === null);
    hidden.replaceChildren(...(away.length ? [make("span", "", "Hidden: ")] : []), ...away.map((run) =>
      set(button(run.label, () => ask({ do: "hide", run: run.run, hidden: false })), { "aria-label": `Show ${run.label} again` })));
    if (held !== undefined) node.querySelector(`[data-at="${held}"]`)?.focus();
  }
  return { node, show, ticked: () => [...ticked] };
}

// ---- two strategies: their paired difference, subjects as dots, the images on which they disagree most ----
function pair() {
  const node = set(make("section", "usft-pair"), { "aria-label": "Two strategies compared" });
  function dots(found) {
    const W = 560, B = 20, values = found.subjects.map(([, value]) => value), all = [...values, found.difference_low, found.difference_high, 0];
    const end = Math.max(0.02, ...all.map(Math.abs)) * 1.08, X = (v) => W / 2 + (v / end) * (W / 2 - 16), stacks = new Map();
    const places = values.map((v) => {
      const x = 7 * Math.round(X(v) / 7), k = stacks.get(x) ?? 0;
      stacks.set(x, k + 1);
      return [x, k];
    });
    const rise = Math.min(8, 64 / Math.max(...stacks.values())), H = 30 + rise * Math.max(...stacks.values()) + B;
    const above = values.filter((v) => v > 0).length;
    const svg = set(drawn("svg", { viewBox: `0 0 ${W} ${H}`, class: "usft-dots", role: "img" }), { "aria-label":
      `${values.length} subjects: ${found.a} is better on ${above}, ${found.b} on ${values.filter((v) => v < 0).length}` });
    svg.append(drawn("line", { x1: X(0), x2: X(0), y1: 6, y2: H - B, class: "usft-zero" }), drawn("line", { x1: 8, x2: W - 8, y1: H - B, y2: H - B, class: "usft-grid" }));
    svg.append(...places.map(([x, k]) => drawn("circle", { cx: x, cy: H - B - 5 - rise * k, r: 3 })));
    if (found.difference_low !== null) svg.append(drawn("line", { x1: X(found.difference_low), x2: X(found.difference_high), y1: 12, y2: 12, class: "usft-interval" }));
    svg.append(drawn("circle", { cx: X(found.difference), cy: 12, r: 5, class: "usft-mean" }));
    const short = (label) => (label.length > 28 ? `${label.slice(0, 27)}…` : label);
    const words = [[8, "start", `← ${short(found.b)} better`], [X(0), "middle", "0"], [W - 8, "end", `${short(found.a)} better →`]];
    svg.append(...words.map(([x, anchor, word]) => drawn("text", { x, y: H - 5, "text-anchor": anchor, class: "usft-tick" }, word)));
    return svg;
  }
  function show(found, buffers, runs) {
    if (!found) return node.replaceChildren();
    const [a, b] = found.runs.map((n) => runs.find((r) => r.run === n));
    const cards = found.images.map((image, k) => {
      const card = make("figure"), view = make("div", "usft-picture"), of = (outlines, run) => (outlines ?? []).map((points) => [points, { stroke: pen(run).stroke }]);
      outlined(view, found.size, buffers[k], [...truths(found.truth[image.image]), ...of(found.drawn[0][image.image], a), ...of(found.drawn[1][image.image], b)]);
      const caption = make("figcaption", "", `image ${image.image}: `);
      for (const [run, dice] of [[a, image.a], [b, image.b]]) {
        const one = make("span", "usft-together");
        one.append(swatch(run), three(dice));
        caption.append(one, " ");
      }
      card.append(view, caption);
      return card;
    });
    const line = make("p"), images = make("div", "usft-disagree"), beside = make("div");
    line.append(make("strong", "", `${found.a} less ${found.b}: ${signed(found.difference)} ${within(found.difference_low, found.difference_high)}`),
      `, paired over ${found.subjects.length} subjects and ${found.seeds === 1 ? "one training each" : `${found.seeds} trainings each`}: `, make("strong", "", found.word), `. ${found.meaning}`);
    images.append(...cards);
    beside.append(make("p", "usft-quiet", "The images on which they disagree most; the truth dashed:"), images);
    node.replaceChildren(line, dots(found), beside);
  }
  return { node, show };
}
