// The study's results to click through, without Python: window.USFT_STUDY comes from study.js (docs/prepare.py).
"use strict";

(() => {
  const study = window.USFT_STUDY;
  const root = document.getElementById("replay");
  const KINDS = {
    first: "first k: from the input on",
    last: "last k: up to the output",
    outer: "outer k: levels near the image",
    inner: "inner k: levels near the bottleneck",
    everything: "everything",
    untouched: "nothing (untouched)",
  };
  const names = Object.keys(study.strategies);
  const ks = (kind) => names.filter((n) => n.startsWith(kind + " ")).map((n) => Number(n.split(" ")[1]));
  const chosen = { kind: "first", k: 2, kept: [] };

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const draw = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const percent = (share) => (share >= 0.0995 ? Math.round(100 * share) : (100 * share).toFixed(1)) + " %";
  const strategy = () => (ks(chosen.kind).length ? `${chosen.kind} ${chosen.k}` : chosen.kind);

  // ---- the U -------------------------------------------------------------------------------------------------

  function unet(trained) {
    const depth = study.groups.filter((name) => name.startsWith("enc")).length;
    const picture = draw("svg", { viewBox: "0 0 620 250", role: "img" });
    picture.append(draw("title", {}, trained.length ? "trained: " + trained.join(", ") : "nothing is trained"));
    for (const name of study.groups) {
      const level = name === "head" ? 1 : name === "bottleneck" ? depth + 1 : Number(name.slice(3));
      const inset = 10 + 58 * (level - 1);
      const x = name === "head" ? 550 : name === "bottleneck" ? 230 : name.startsWith("enc") ? inset : 450 - inset;
      const on = trained.includes(name);
      const block = draw("g", { class: on ? "trained" : "frozen" });
      block.append(
        draw("rect", { x, y: 6 + 49 * (level - 1), width: name === "bottleneck" ? 100 : 62, height: 38, rx: 5 }),
        draw("text", { x: x + (name === "bottleneck" ? 50 : 31), y: 30 + 49 * (level - 1) }, name),
      );
      picture.append(block);
    }
    return picture;
  }

  // ---- Dice of one strategy, a panel a target ---------------------------------------------------------------------

  function bars(target) {
    const told = study.strategies[strategy()].dice[target];
    const to = (dice) => 12 + 246 * dice;
    const picture = draw("svg", { viewBox: "0 0 320 74", role: "img" });
    picture.append(
      draw("title", {}, `Dice ${told.mean.toFixed(3)}, 95 % interval ${told.low.toFixed(3)} to ${told.high.toFixed(3)}`),
      draw("line", { class: "axis", x1: to(0), x2: to(1), y1: 50, y2: 50 }),
    );
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      picture.append(draw("text", { class: "tick", x: to(tick), y: 66 }, String(tick)));
    }
    const levels = { everything: study.strategies.everything.dice[target].mean, "mean shape": study.shape[target] };
    for (const [name, dice] of Object.entries(levels)) {
      const line = draw("line", { class: "level " + name.split(" ")[0], x1: to(dice), x2: to(dice), y1: 12, y2: 50 });
      const [side, x] = name === "everything" ? ["right", to(dice) + 4] : ["left", to(dice) - 4];
      picture.append(line, draw("text", { class: "tick " + side, x, y: 22 }, name));
    }
    picture.append(draw("line", { class: "interval", x1: to(told.low), x2: to(told.high), y1: 32, y2: 32 }));
    for (const dice of told.seeds) picture.append(draw("circle", { class: "seed", cx: to(dice), cy: 43, r: 2.5 }));
    picture.append(draw("circle", { class: "mean", cx: to(told.mean), cy: 32, r: 5.5 }));
    return picture;
  }

  // ---- Dice against k, all four kinds, the chosen one marked ----------------------------------------------------------

  function curves(target) {
    const picture = draw("svg", { viewBox: "0 0 320 170", role: "img" });
    picture.append(draw("title", {}, `${study.targets[target]}: Dice against k; what is chosen is marked`));
    const drawn = names.filter((n) => /\d$/.test(n)).map((n) => study.strategies[n].dice[target].mean);
    const [low, high] = [Math.min(...drawn) - 0.03, Math.max(...drawn) + 0.03];
    const x = (k) => 34 + 36 * (k - 1), y = (dice) => 140 - (125 * (dice - low)) / (high - low);
    for (const k of [1, 2, 3, 4, 5, 7]) picture.append(draw("text", { class: "tick", x: x(k), y: 158 }, String(k)));
    for (const dice of [drawn.reduce((a, b) => Math.min(a, b)), drawn.reduce((a, b) => Math.max(a, b))]) {
      picture.append(draw("text", { class: "tick left", x: 26, y: y(dice) + 4 }, dice.toFixed(2)));
    }
    for (const kind of ["first", "last", "outer", "inner"]) {
      const points = ks(kind).map((k) => [x(k), y(study.strategies[`${kind} ${k}`].dice[target].mean)]);
      picture.append(draw("polyline", { class: "curve " + kind, points: points.map((p) => p.join(",")).join(" ") }));
      for (const [cx, cy] of points) picture.append(draw("circle", { class: "point " + kind, cx, cy, r: 2.5 }));
    }
    if (ks(chosen.kind).length) {
      const dice = study.strategies[strategy()].dice[target].mean;
      picture.append(draw("circle", { class: "mean", cx: x(chosen.k), cy: y(dice), r: 6 }));
    }
    return picture;
  }

  function legend() {
    const row = make("p", { class: "legend" }, "Dice against k: ");
    for (const kind of ["first", "last", "outer", "inner"]) {
      const sample = draw("svg", { viewBox: "0 0 30 10", "aria-hidden": "true" });
      sample.append(draw("line", { class: "curve " + kind, x1: 0, x2: 30, y1: 5, y2: 5 }));
      row.append(make("span", {}, sample, " " + kind));
    }
    return row;
  }

  // ---- the scoreboard -----------------------------------------------------------------------------------------------------

  function scoreboard() {
    if (!chosen.kept.length) return make("p", {}, "Nothing kept yet: keep two strategies and compare them.");
    const head = ["strategy", "parameters", "operations", ...Object.values(study.targets)];
    const table = make("table", {}, make("caption", {}, "Scoreboard: mean Dice with its 95 % interval"));
    table.append(make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))));
    const body = make("tbody");
    for (const name of chosen.kept) {
      const one = study.strategies[name];
      const row = make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, percent(one.parameters)));
      row.append(make("td", {}, one.operations === null ? "none" : percent(one.operations)));
      for (const target of Object.keys(study.targets)) {
        const { mean, low, high } = one.dice[target];
        row.append(make("td", {}, `${mean.toFixed(3)} (${low.toFixed(3)}…${high.toFixed(3)})`));
      }
      body.append(row);
    }
    table.append(body);
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "scoreboard" }, table);
  }

  // ---- all of it --------------------------------------------------------------------------------------------------------------

  const choice = make("fieldset", {}, make("legend", {}, "Which groups learn?"));
  for (const [kind, words] of Object.entries(KINDS)) {
    const button = make("input", { type: "radio", name: "kind", id: "kind-" + kind, value: kind });
    button.checked = kind === chosen.kind;
    button.addEventListener("change", () => {
      chosen.kind = kind;
      const there = ks(kind);
      if (there.length && !there.includes(chosen.k)) chosen.k = there[Math.min(1, there.length - 1)];
      show();
    });
    choice.append(make("label", { for: "kind-" + kind }, button, " " + words));
  }
  const numbers = make("fieldset", { class: "numbers" }, make("legend", {}, "How many? k ="));
  const board = make("div", { class: "board" });
  const result = make("div", { class: "result", "aria-live": "polite" });
  const keep = make("button", { type: "button", class: "keep" }, "Keep for comparison");
  keep.addEventListener("click", () => {
    if (!chosen.kept.includes(strategy())) chosen.kept.push(strategy());
    board.replaceChildren(scoreboard());
  });

  function show() {
    numbers.hidden = !ks(chosen.kind).length;
    numbers.replaceChildren(numbers.firstChild);
    for (const k of ks(chosen.kind)) {
      const button = make("button", { type: "button", "aria-pressed": String(k === chosen.k) }, String(k));
      button.addEventListener("click", () => {
        chosen.k = k;
        show();
        numbers.querySelector('[aria-pressed="true"]').focus();
      });
      numbers.append(button);
    }
    const one = study.strategies[strategy()];
    const cost = one.operations === null ? "no training" : `${percent(one.operations)} of the operations of a step`;
    const words = `${strategy()}: ${percent(one.parameters)} of the parameters, ${cost}`;
    const panels = Object.keys(study.targets).map((target) =>
      make("div", { class: "panel" }, make("p", { class: "target" }, study.targets[target]), bars(target), curves(target)),
    );
    result.replaceChildren(make("p", { class: "said" }, words), unet(one.groups), legend(), ...panels);
  }

  // What came out stays closed until it is asked for: first the guess, then the answer.
  const sentences = study.sentences.map((text) => {
    const [claim, rest] = text.replace("**", "").split("** ");
    return make("li", {}, make("strong", {}, claim), " " + rest);
  });
  const said = make("details", {}, make("summary", {}, "After your guess: what the whole study found"));
  said.append(make("ul", {}, ...sentences));

  root.replaceChildren(make("div", { class: "choice" }, choice, numbers), result, keep, board, said);
  show();
  board.replaceChildren(scoreboard());
})();
