// The results explorer: the study's tables at a click (lessons 08 to 15), in a notebook and on the site. All numbers are there
// from the start: the kernel is asked for nothing, and only told what is selected.

const LOOKS = { // colour (Okabe and Ito), dashes, marker: as in the lessons' figures
  first: ["var(--accent)", "", "M4 0A4 4 0 1 1-4 0A4 4 0 1 1 4 0Z"], last: ["#d55e00", "7 4", "M-3.7-3.7H3.7V3.7H-3.7Z"],
  outer: ["#009e73", "", "M0-4.8L4.4 3.4H-4.4Z"], inner: ["#cc79a7", "7 4", "M0-5.2L4.8 0 0 5.2-4.8 0Z"],
  everything: ["var(--ink)", "", "M-4-2L-2-4 0-2 2-4 4-2 2 0 4 2 2 4 0 2-2 4-4 2-2 0Z"], other: ["#e69f00", "2 3", "M0 4.8L4.4-3.4H-4.4Z"],
};
const LINES = { everything: "", "mean shape": "2 3", untouched: "9 3 2 3" };
const VIEWS = {
  k: ["Which layers?", "If only k groups of layers may learn, which should they be? Choose a kind and a k; the U shows who learns."],
  pair: ["A or B?", "Is A better than B? A ring is one training of each, from the same weights, on the same images. Choose two."],
  n: ["How many images?", "What is an outlined image worth? Read upwards at one n, then sideways at one Dice. Fetal heads only."],
  cost: ["What can you afford?", "Training may cost so much and no more: which strategy do you take? Move the budget."],
  baselines: ["Does more help?", "Does who trains more get a better network? Compare by trained parameters, then by operations."],
};
const MARGIN = 0.02, KS = [1, 2, 3, 4, 5, 7], SIZED = ["strategy", "Dice (95 % interval)", "parameters", "operations"];
const told = (x) => x.toFixed(3).replace("-", "−"), signed = (x) => (x < 0 ? "" : "+") + told(x), tidy = (x) => Number(x.toFixed(6));
const interval = (row, how = told) => `${how(row.mean)} (${how(row.low)} to ${how(row.high)})`;
const percent = (x) => `${x >= 0.0995 || x === 0 ? Math.round(100 * x) : (100 * x).toFixed(1)}\u00a0%`;
const kindOf = (name) => (/ \d$/.test(name) ? name.split(" ")[0] : name), fill = (node, ...children) => (node.append(...children), node);

// Means with intervals. A series: { name, look, points: [{ x, row, hollow, faint, chosen }], band }; levels are lines across.
function chart(W, title, axis, series, levels) {
  const longest = Math.max(...series.map((one) => one.name.length)), H = 330, L = 46, R = Math.max(148, 32 + 6.6 * longest), T = 12, B = 42;
  const svg = drawn("svg", { width: W, height: H, viewBox: `0 0 ${W} ${H}`, class: "usft-chart", role: "img", "aria-label": title });
  const put = (tag, attributes, text) => svg.appendChild(drawn(tag, attributes, text)), middle = { "text-anchor": "middle" };
  const rows = [...series.flatMap((one) => one.points.map((p) => p.row)), ...(axis.reach ?? [])];
  const least = Math.min(...rows.map((r) => r.low)), most = Math.min(1, Math.max(...rows.map((r) => r.high))), step = [0.01, 0.02, 0.05, 0.1, 0.2].find((one) => most - least <= 8 * one) ?? 0.5;
  const low = tidy(Math.floor(least / step) * step), high = tidy(Math.ceil(tidy(most / step)) * step);
  const X = (v) => L + 12 + (W - L - R - 24) * axis.place(v), Y = (v) => T + ((H - T - B) * (high - Math.max(low, Math.min(high, v)))) / (high - low);
  const across = (y, more) => put("line", { x1: L, x2: W - R, y1: y, y2: y, ...more }), names = [];
  put("text", { x: 4, y: H - 8, class: "usft-axis" }, axis.up ?? "↑ Dice");
  put("text", { x: (L + W - R) / 2 + 14, y: H - 8, class: "usft-axis", ...middle }, axis.label);
  for (const [v, text = v] of axis.ticks) put("text", { x: X(v), y: H - B + 18, ...middle }, text);
  for (let v = low; v < high + step / 2; v = tidy(v + step)) {
    across(Y(v), { class: "usft-grid" });
    put("text", { x: L - 6, y: Y(v) + 4, "text-anchor": "end" }, v.toFixed(2).replace("-", "−"));
  }
  for (const { mean, dashes, text } of levels) {
    if (mean >= low) across(Y(mean), { stroke: "var(--quiet)", "stroke-dasharray": dashes });
    names.push({ x: W - R, y: Y(mean), text: mean < low ? `${text} ↓` : text, stroke: "var(--quiet)", dashes });
  }
  for (const { name, look = name.split(" ")[0], points, band } of series) {
    const [stroke, dashes, d] = LOOKS[look] ?? LOOKS.other, line = points.filter((p) => !p.hollow), last = points[points.length - 1];
    const path = (key) => line.map((p) => `${X(p.x).toFixed(1)},${Y(p.row[key]).toFixed(1)}`);
    if (band) put("polygon", { points: [...path("low"), ...path("high").reverse()].join(" "), fill: stroke, class: "usft-band" });
    put("polyline", { points: path("mean").join(" "), fill: "none", stroke, "stroke-dasharray": dashes, "stroke-width": 2 });
    for (const { x, row, hollow, faint, chosen } of points) {
      const g = put("g", { transform: `translate(${X(x).toFixed(1)} ${Y(row.mean).toFixed(1)})`, class: faint ? "usft-faint" : "" });
      g.append(drawn("title", {}, row.strategy ? `${row.strategy}: ${interval(row)}` : signed(row.mean)));
      if (!band) g.append(drawn("line", { y1: Y(row.low) - Y(row.mean), y2: Y(row.high) - Y(row.mean), stroke, "stroke-width": 1.3 }));
      if (chosen) g.append(drawn("circle", { r: 9, fill: "none", stroke: "var(--ink)", "stroke-width": 1.6 }));
      g.append(drawn("path", { d, stroke, "stroke-width": 1.5, fill: hollow ? "var(--paper)" : stroke }));
      if (axis.numbered && / \d$/.test(row.strategy)) g.append(drawn("text", { x: 6, y: dashes ? 15 : -6 }, row.strategy.split(" ")[1]));
    }
    if (last) names.push({ x: X(last.x) + 7, y: Y(last.row.mean), text: name, stroke, dashes });
  }
  names.sort((a, b) => a.y - b.y).forEach((one, i) => (one.at = Math.max(one.y, i ? names[i - 1].at + 15 : T))); // none covers another
  names.reduceRight((below, one) => (one.at = Math.min(one.at, below)) - 15, H - B);
  for (const { x, y, at, stroke, dashes } of names) put("polyline", { points: `${x},${y} ${W - R + 2},${at} ${W - R + 18},${at}`, fill: "none", stroke, "stroke-dasharray": dashes });
  for (const { at, text } of names) put("text", { x: W - R + 22, y: at + 4 }, text);
  if (axis.stop) put("line", { x1: X(axis.stop), x2: X(axis.stop), y1: T, y2: H - B, stroke: "var(--ink)", "stroke-width": 2 });
  return svg;
}

function table(caption, head, rows) {
  const line = (cells, tag, scope) => fill(make("tr"), ...cells.map((text, i) => (i && tag === "td" ? make("td", "", text) : set(make("th", "", text), { scope }))));
  const top = fill(make("thead"), line(head, "th", "col")), body = fill(make("tbody"), ...rows.map((cells) => line(cells, "td", "row")));
  return fill(set(make("div", "usft-scroll"), { tabindex: 0, role: "region", "aria-label": caption }), fill(make("table"), make("caption", "", caption), top, body));
}

function theU(drawing, groups) { // the drawing that Python made, with those marked who learn
  const svg = document.importNode(new DOMParser().parseFromString(drawing, "image/svg+xml").documentElement, true);
  for (const g of svg.querySelectorAll("[data-group]")) {
    const [title, , word, count, state] = g.children, on = groups.includes(g.dataset.group);
    set(g, { class: on ? "usft-on" : "usft-off" });
    set(word, { dy: 8 });
    state.textContent = on ? "●" : "❄";
    for (const small of [title, count]) small.remove();
  }
  return set(svg, { class: "usft-map", role: "img", "aria-label": `The U-Net; trained: ${groups.join(", ")}` });
}

function render({ model, el }) {
  const data = model.get("data"), updates = [], note = (text) => make("p", "usft-note", text), input = (attributes) => set(make("input"), attributes);
  const question = make("p", "usft-question"), said = statusLine(), shown = set(make("div", "usft-shown"), { tabindex: -1 }), root = make("div", "usft-widget usft-explorer");
  let now = model.get("selected"), width = 0;
  const ways = () => (now.view === "baselines" ? data.ways.filter((r) => r.target === now.target) : []); // trained together, at rates of their own
  const here = (own = ways()) => (own.length ? own : data.dice.filter((r) => r.target === now.target)), row = (name) => here().find((r) => r.strategy === name);
  const at = (name, n) => data.n.find((r) => r.strategy === name && (!n || r.n === n)), ks = (kind) => KS.filter((k) => row(`${kind} ${k}`));
  const on = () => `on ${data.targets[now.target]}`, trained = () => here().filter((r) => r.tflop), most = Math.max(11, ...data.dice.map((r) => r.tflop));
  const amount = (tflop) => `${tflop.toFixed(1)} TFLOP (${((tflop / row("everything").tflop) * now.ms * 0.3).toFixed(0)} s)`; // 300 steps
  const sized = (r) => [r.strategy, interval(r), percent(r.parameters / row("everything").parameters), percent(r.share)];
  const levels = (found, ...more) => [...more, "mean shape", "untouched"].map((name) => ({ mean: found(name).mean, dashes: LINES[name], text: `${name} ${told(found(name).mean)}` }));
  const scattered = (x, more) => [...new Set(trained().map((r) => kindOf(r.strategy)))].map((name) => ({ name, points: trained()
    .filter((r) => kindOf(r.strategy) === name).map((r) => ({ x: x(r), row: r, ...more?.(r) })).sort((a, b) => a.x - b.x) }));

  function choose(more) {
    now = { ...now, ...more };
    if (!row(`${now.kind} ${now.k}`)) now.k = Math.max(1, ...ks(now.kind).filter((k) => k < now.k));
    show();
    model.set("selected", now);
    model.save_changes();
  }
  // Buttons or a field for one setting, made once: so the focus stays where it is.
  function control(words, key, parts, views, off = () => false) {
    const field = parts instanceof Element, box = make(field ? "label" : "div", "usft-row"), out = make("span", "usft-value");
    const nodes = field ? [parts, out] : parts.map(([value, text = value]) => Object.assign(button(text, () => choose({ [key]: value })), { at: value }));
    if (field) set(parts, { "data-lm-suppress-shortcuts": "", "aria-label": words }).addEventListener("input", () => parts.value && choose({ [key]: typeof now[key] === "number" ? Number(parts.value) : parts.value }));
    else set(box, { role: "group", "aria-label": words });
    updates.push(() => {
      box.hidden = !views.includes(now.view) || (key !== "view" && data.closed.includes(now.view));
      for (const node of field ? [] : nodes) set(node, { "aria-pressed": node.at === now[key] }).disabled = off(node.at);
      if (field && String(now[key]) !== parts.value) parts.value = now[key];
      if (key === "budget" && !box.hidden) set(parts, { "aria-valuetext": (out.textContent = amount(now.budget)) });
    });
    return fill(box, ...(key === "view" ? [] : [make("span", "usft-word", words)]), ...nodes);
  }
  const list = () => fill(make("select"), ...Object.keys(data.pairs[now.target]).map((name) => make("option", "", name))), all = Object.keys(VIEWS);
  root.append(
    control("Question", "view", all.map((view) => [view, VIEWS[view][0]]), all), question,
    control("Images", "target", Object.entries(data.targets), ["k", "pair", "cost", "baselines"]),
    control("Who learns", "kind", ["first", "last", "outer", "inner"].map((kind) => [kind, `${kind} k`]), ["k"]), control("k", "k", KS.map((k) => [k]), ["k"], (k) => !row(`${now.kind} ${k}`)),
    control("A", "a", list(), ["pair"]), control("B", "b", list(), ["pair"]), control("k", "k", [[2], [4]], ["n"]),
    control("Budget", "budget", input({ type: "range", min: 4, max: most, step: 0.1 }), ["cost"]), control("A full step on your machine, in ms", "ms", input({ type: "number", min: 1 }), ["cost"]),
    control("Against", "x", [["parameters", "trained parameters"], ["operations"]], ["baselines"]), said, shown,
  );

  // Of each view: what a guess is about, its result, what is said, what is drawn at a width, what stands beside it.
  const views = {
    k() {
      const name = `${now.kind} ${now.k}`, both = /first|last/.test(name) ? ["first", "last"] : ["outer", "inner"], names = Object.keys(LINES);
      const series = both.map((kind) => ({ name: `${kind} k`, band: true, points: ks(kind).map((k) => ({ x: k, row: row(`${kind} ${k}`), chosen: name === `${kind} ${k}` })) }));
      const [, dice, parameters, operations] = sized(row(name)), axis = { label: "k groups learn", ticks: KS.map((k) => [k]), place: (k) => (k - 1) / 6 };
      return [`the Dice of ${name} ${on()}`, row(name), `${name} ${on()}: Dice ${dice}, ${parameters} of the parameters, ${operations} of the operations of a step.`,
        (w) => chart(w, `Dice of ${both.join(" k and ")} k ${on()}`, axis, series, levels(row, "everything")),
        () => [theU(data.drawing, data.groups[name]), note(`${name}: ● learns, ❄ is frozen. Bands: 95 % over seeds and subjects.`),
          table(`At k = ${now.k}, ${on()}`, SIZED, [...both.map((kind) => `${kind} ${now.k}`), ...names].map(row).filter(Boolean).map(sized))]];
    },
    pair() {
      if (now.a === now.b) return [null, null, "A and B are the same strategy. Choose another for one of them."];
      const one = data.pairs[now.target][now.a][now.b], words = `${now.a} − ${now.b}`, end = one.by_seed.length + 0.6, [word, why] = data.how[one.how], count = Object.keys(data.pairs[now.target]).length;
      const axis = { up: "↑ A − B", label: "by seed, and all together", ticks: [...one.by_seed.map((_, i) => [i, data.seeds[i]]), [end, "all"]], place: (x) => x / end, reach: [{ low: 0, high: MARGIN }] };
      const series = [{ name: "each seed", look: "first", points: one.by_seed.map((v, x) => ({ x, row: { mean: v, low: v, high: v }, hollow: true })) }, { name: "all: 95 %", look: "everything", points: [{ x: end, row: one }] }];
      const claim = [words, `${now.b} − ${now.a}`].map((pair) => data.claims[`${now.target}(${pair})`]).filter(Boolean);
      return [`the difference ${words} in Dice ${on()}`, one, `${words} ${on()}: ${interval(one, signed)}, ${one.by_seed.length} seeds. A is better: ${word}, as ${why}.`,
        (w) => chart(w, `${words}: by seed ${one.by_seed.map(signed).join(", ")}`, axis, series, [{ mean: 0, dashes: "", text: "0: no difference" }, { mean: MARGIN, dashes: "2 3", text: `${MARGIN}: matters` }]),
        () => [...claim.map(note), note(`There are ${(count * (count - 1)) / 2} pairs to choose from, and some differ by luck alone. The study named its pairs before it ran.`),
          table(`Each by itself, ${on()}`, SIZED, [now.a, now.b].map((name) => sized(row(name))))]];
    },
    n() {
      const ns = [10, 40, 160, data.all_images], k = now.k < 3 ? 2 : 4, names = ["everything", `first ${k}`, `last ${k}`, "from scratch"], ten = at("everything", 10);
      const points = (name, i) => ns.filter((n) => at(name, n)).map((n) => ({ x: n === ns[3] ? n * 1.12 ** (i - 1.5) : n, row: at(name, n), hollow: n === ns[3] }));
      const axis = { label: "training images n", ticks: ns.map((n) => [n]), place: (n) => Math.log(n / 10) / Math.log(74) };
      return ["the Dice of everything on fetal heads, with 10 images", ten, `Everything on fetal heads: Dice ${interval(ten)} with 10 images, ${interval(at("everything", 160))} with 160.`,
        (w) => chart(w, "Dice on fetal heads by number of training images", axis, names.map((name, i) => ({ name, points: points(name, i) })), levels(at)),
        () => [note(`Hollow: all ${ns[3]} heads, 900 steps at a constant rate. That is another protocol, so these points are not joined to the lines.`),
          table("Fetal heads: Dice (95 % interval)", ["strategy", ...ns.map((n) => `n = ${n}`)], names.map((name) => [name, ...ns.map((n) => (at(name, n) ? interval(at(name, n)) : "not run"))]))]];
    },
    cost() {
      const found = trained().filter((r) => r.tflop <= now.budget).sort((a, b) => b.mean - a.mean), best = found[0];
      const axis = { label: "TFLOP of a training", numbered: true, stop: now.budget, ticks: [4, 5, 6, 7, 8, 9, 10, 11].map((v) => [v]), place: (v) => (v - 4) / (most - 4) };
      const near = found.filter((r) => r !== best && data.pairs[now.target][best.strategy][r.strategy]?.low <= 0).map((r) => r.strategy).join(", ");
      return [`the best Dice ${on()} for ${amount(now.budget)}`, best, best ? `For ${amount(now.budget)}, ${best.strategy} has the highest mean ${on()}: ${interval(best)}.` : "Nothing can be trained for so little. Raise the budget.",
        (w) => chart(w, `Dice ${on()} against the cost of a training`, axis, scattered((r) => r.tflop, (r) => ({ faint: r.tflop > now.budget, chosen: r === best })), levels(row)),
        () => [note(near && `Not clearly worse, as the interval of the difference includes 0: ${near}.`), note("Seconds are counted from operations alone. Lesson 13 measures a step on your machine, and how far such a count is off."),
          table("Within the budget, best mean first", ["strategy", "Dice (95 % interval)", "a training"], found.map((r) => [r.strategy, interval(r), amount(r.tflop)]))]];
    },
    baselines() {
      const least = trained().sort((a, b) => a.parameters - b.parameters)[0], count = least.parameters.toLocaleString("en"), parameters = now.x === "parameters";
      const low = Math.floor(Math.log10(least.parameters)), powers = [[10], [100], [1e3, "1 k"], [1e4, "10 k"], [1e5, "100 k"], [1e6, "1 M"]];
      const together = ways().length > 0, from = Math.min(0.4, ...trained().map((r) => Math.floor(10 * r.share) / 10));
      const axis = parameters ? { label: "trained parameters", numbered: true, ticks: powers.filter(([v]) => v >= 10 ** low), place: (v) => (Math.log10(v) - low) / (6.4 - low) }
        : { label: "operations of a step, everything = 100 %", numbered: true, ticks: [0.2, 0.4, 0.6, 0.8, 1].filter((v) => v >= from).map((v) => [v, percent(v)]), place: (v) => (v - from) / (1.02 - from) };
      return [`the Dice ${on()} of ${least.strategy}, which trains ${count} parameters`, least, `${least.strategy} trains ${parameters ? `${count} parameters` : `with ${percent(least.share)} of the operations`}: Dice ${interval(least)} ${on()}. Everything: ${interval(row("everything"))}.`,
        (w) => chart(w, `Dice ${on()} against ${axis.label}`, axis, scattered((r) => (parameters ? r.parameters : r.share)), levels(row)),
        () => [note(together ? "These were trained together, and each could have the same four learning rates." : ""),
          table(`${together ? "Trained together" : "All strategies"} ${on()}, best mean first`, SIZED, here().sort((a, b) => b.mean - a.mean).map(sized))]];
    },
  };

  function gate(key, of, { mean, low, high }, how) { // what is shown instead of a view until a number is set
    const ends = how === signed ? { min: -50, max: 50, value: 0 } : { min: 0, max: 100, value: 50 }, out = make("span", "usft-value", "none yet");
    const slider = input({ type: "range", ...ends, "aria-label": `Your guess: ${of}`, "aria-valuetext": "none yet" });
    const keep = () => choose({ guesses: { ...now.guesses, [key]: { of, guess: slider.value / 100, mean, low, high } } });
    const open = Object.assign(button("Show what the study found", () => (keep(), shown.focus())), { disabled: true, className: "usft-main" });
    slider.addEventListener("input", () => set(slider, { "aria-valuetext": (out.textContent = how(slider.value / 100)) }) && (open.disabled = false));
    return [make("p", "usft-ask", `Guess before you see: what is ${of}?`), fill(make("div", "usft-row"), slider, out, open)];
  }
  function show() {
    for (const update of updates) update();
    question.textContent = VIEWS[now.view][1];
    const [of, found, words, draw, beside] = data.closed.includes(now.view) ? [null, null, ""] : views[now.view](), how = now.view === "pair" ? signed : told;
    const key = [now.view, now.view === "n" ? "hc18" : now.target, ...(now.view === "pair" ? [now.a, now.b] : [])].join(" | "), mine = now.guesses[key];
    const hidden = model.get("guess") && found && !mine, left = make("div"), right = make("div"), wide = width > 850 && !hidden && now.view !== "n";
    if (said.textContent !== (hidden ? "" : words)) said.textContent = hidden ? "" : words; // read aloud only when it changes
    const inside = mine && mine.low <= mine.guess && mine.guess <= mine.high ? "inside" : "outside";
    if (mine) right.append(table(`Your guess: ${mine.of}`, ["you", "the study (95 % interval)", "off by"], [[how(mine.guess), interval(mine, how), `${signed(mine.guess - mine.mean)}, ${inside}`]]));
    if (draw && !hidden) left.append(draw(Math.max(320, Math.min(width - (wide ? 470 : 28), 700))));
    right.append(...(hidden ? gate(key, of, found, how) : (beside?.() ?? [])), ...[data.missing[now.view] ?? []].flat().map(note));
    shown.replaceChildren(left, right);
    set(root, { "data-view": now.view, "data-wide": wide });
  }
  const watch = new ResizeObserver(() => width !== (width = el.clientWidth) && show());
  el.append(root);
  show();
  watch.observe(el);
  return () => watch.disconnect();
}

export default { render };
