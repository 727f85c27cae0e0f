// What the freezing lab draws: the U of switches, curves, validation images.

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]; // Okabe and Ito
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4"]; // a second sign beside the colour
const LOW = [240, 246, 250], HIGH = [213, 94, 0]; // ends of the scale of values, as in UNetDiagram

// Colour and dashes of a strategy: the seventh has the first one's colour, and other dashes.
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
const three = (x) => (x === null || x === undefined ? "–" : x.toFixed(3).replace("-", "−"));
const percent = (x) => `${(100 * x).toFixed(x < 0.0995 ? 1 : 0)} %`;

// ---- the U: the drawing that Python made (UNetDiagram), and of each of its blocks a switch ----
function theU(drawing, blocks, onToggle, onLook) {
  const svg = document.importNode(new DOMParser().parseFromString(drawing, "image/svg+xml").documentElement, true);
  set(svg, { class: "usft-u", role: "group", "aria-label": "The U-Net's groups" });
  const switches = blocks.map((block, place) => {
    const g = svg.querySelector(`[data-group="${block.name}"]`), rect = g.querySelector("rect");
    g.querySelector("title").remove(); // it says how the group was when it was drawn
    const [x, y, wide, high] = ["x", "y", "width", "height"].map((key) => Number(rect.getAttribute(key)));
    const state = g.lastElementChild, bar = drawn("path", { class: "usft-bar" });
    g.append(bar);
    set(g, { class: "usft-block", role: "switch", tabindex: place ? -1 : 0, "data-lm-suppress-shortcuts": "" });
    g.addEventListener("click", () => onToggle(block.name));
    for (const event of ["mouseenter", "focus"]) g.addEventListener(event, () => onLook(block));
    g.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === " " || event.key === "Enter") onToggle(block.name);
      else if (step) {
        const next = switches[(place + step + blocks.length) % blocks.length].g;
        for (const other of switches) set(other.g, { tabindex: other.g === next ? 0 : -1 });
        next.focus();
      } else return;
      event.preventDefault();
    });
    const grow = (part) => set(bar, { d: part === null ? "" : `M${x + 6} ${y + high - 5}h${((wide - 12) * part).toFixed(1)}` });
    return { g, rect, state, grow };
  });
  // `values`: what blocks are coloured by, and how it is said; `changes`: the bars. `signs`: of who learns next.
  function show(chosen, locked, values, said, changes, signs = true) {
    const ends = values && [Math.min(...values), Math.max(...values)];
    const most = changes && Math.max(...changes);
    switches.forEach(({ g, rect, state, grow }, k) => {
      const name = blocks[k].name, on = chosen.includes(name), sign = on ? "●" : "❄", word = on ? "trained" : "frozen";
      const told = values ? said(values[k]) : "", part = values && (ends[1] > ends[0] ? (values[k] - ends[0]) / (ends[1] - ends[0]) : 0.5);
      set(g, { "aria-checked": on, "aria-disabled": locked, "aria-label": [name, word, told].filter(Boolean).join(", ") });
      g.classList.toggle("usft-valued", Boolean(values));
      rect.style.fill = values ? `rgb(${LOW.map((low, c) => Math.round(low + (HIGH[c] - low) * part))})` : "";
      state.textContent = signs ? `${sign} ${told || word}` : told;
      grow(most ? changes[k] / most : null);
    });
  }
  return { svg, show };
}

// ---- curves: one plot, a line a run, the newest thick ----
// The end of an axis: the next round number, 1 where there is nothing yet.
function round(value) {
  if (!(value > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].map((m) => m * ten).find((end) => end >= value * 0.999);
}
// The part of 0…1 where the curves are, their first third left out, between round numbers.
function zoomed(curves) {
  const late = curves.flatMap((points) => points.filter(([s], k) => k === points.length - 1 || s > points[points.length - 1][0] / 3)).map((p) => p[1]);
  if (!late.length) return [0, 1];
  const low = Math.min(...late), high = Math.max(...late), part = high - low > 0.25 ? 0.2 : high - low > 0.1 ? 0.1 : 0.05;
  const end = Math.min(1, Math.ceil(high / part + 0.01) * part), start = Math.max(0, Math.floor(low / part - 0.01) * part);
  return [Math.min(start, end - part), end];
}
// A running mean over a tenth of the curve.
function smooth(points) {
  const reach = Math.max(1, Math.round(points.length / 20));
  return points.map(([s], k) => {
    const near = points.slice(Math.max(0, k - reach), k + reach + 1);
    return [s, near.reduce((sum, p) => sum + p[1], 0) / near.length];
  });
}
function plot(title) {
  const W = 360, H = 190, L = 42, B = 28, T = 24;
  const svg = drawn("svg", { viewBox: `0 0 ${W} ${H}`, class: "usft-plot", role: "img", "aria-label": title });
  const changed = onChange();
  function show(runs, key, planned) {
    const seen = runs.map((r) => [r.run, r.hidden, r.status, r[key].length]);
    changed([planned, seen], () => paint(runs.filter((r) => !r.hidden && r[key].length), key, planned));
  }
  function paint(runs, key, planned) {
    svg.replaceChildren(drawn("text", { x: L, y: 15, class: "usft-plot-title" }, title));
    const steps = Math.max(planned, ...runs.map((r) => r.steps)), dice = key === "val";
    const [low, high] = dice ? zoomed(runs.map((r) => r.val)) : [0, round(Math.max(0, ...runs.flatMap((r) => smooth(r[key]).map((p) => p[1]))))];
    const X = (s) => L + ((W - L - 10) * s) / steps, Y = (v) => T + (H - T - B) * (1 - (v - low) / (high - low));
    for (const value of [low, (low + high) / 2, high]) {
      svg.append(
        drawn("line", { x1: L, x2: W - 10, y1: Y(value), y2: Y(value), class: "usft-grid" }),
        drawn("text", { x: L - 5, y: Y(value) + 4, class: "usft-tick", "text-anchor": "end" }, value.toFixed(high - low < 0.1 ? 3 : 2)),
      );
    }
    svg.append(drawn("text", { x: L, y: H - 8, class: "usft-tick" }, "0"));
    svg.append(drawn("text", { x: W - 10, y: H - 8, class: "usft-tick", "text-anchor": "end" }, `step ${steps}`));
    if (!runs.length) {
      svg.append(drawn("text", { x: (L + W - 10) / 2, y: (T + H - B) / 2 - 14, class: "usft-tick", "text-anchor": "middle" }, "A curve grows here while it learns."));
    }
    const live = runs.some((r) => r.status === "running"), last = Math.max(...runs.map((r) => r.run));
    const line = (run, points, more) => drawn("polyline", { points: points.map(([s, v]) => `${X(s).toFixed(1)},${Y(v).toFixed(1)}`).join(" "), fill: "none", ...pen(run), ...more });
    // A drawing inside the drawing cuts off what lies outside the axis: a curve may begin below it.
    const inside = drawn("svg", { x: L, y: T - 3, width: W - L - 10, height: H - T - B + 6, viewBox: `${L} ${T - 3} ${W - L - 10} ${H - T - B + 6}` });
    svg.append(inside);
    for (const run of runs) {
      const width = (live ? run.status === "running" : run.run === last) ? 2.6 : 1.2;
      if (dice) inside.append(line(run, run.val, { "stroke-width": width }));
      else inside.append(line(run, run[key], { "stroke-width": 0.8, "stroke-dasharray": "", opacity: 0.35, class: "usft-raw" }), line(run, smooth(run[key]), { "stroke-width": width }));
    }
    set(svg, { "aria-label": [title, dice && low > 0 ? `, axis from ${low.toFixed(2)}` : "", ...runs.map((r) => `; ${r.label} ${three(r[key][r[key].length - 1][1])}`)].join("") });
  }
  return { svg, show };
}

// ---- validation images: the truth dashed, what networks draw in their colours ----
// One image: grey, with room for outlines; `lines`: [points, attributes] each.
function outlined(node, size, buffer, lines) {
  const canvas = make("canvas"), svg = drawn("svg", { viewBox: `-2 -2 ${4 * size} ${4 * size}`, "aria-hidden": "true" });
  paintGrey(canvas, size, buffer);
  svg.append(...lines.map(([points, more]) => drawn("polygon", { points: points.join(" "), fill: "none", "stroke-width": 5, ...more })));
  node.append(canvas, svg);
  return svg;
}
const truths = (outlines) => (outlines ?? []).map((points) => [points, { class: "usft-truth" }]);

function pictures(onLook) {
  const frame = make("figure", "usft-pictures"), row = make("div", "usft-row-of-pictures"), caption = make("figcaption");
  const changed = onChange();
  let seen = [], size = 0, large = null;
  frame.append(row, caption);
  function begin(told, buffers) {
    size = told.size;
    seen = told.numbers.map((number, k) => {
      const cell = button("", () => enlarge(large === number ? null : number)), layer = drawn("g");
      cell.className = "usft-picture";
      outlined(cell, size, buffers[k], truths(told.truth[number])).append(layer);
      return { number, cell, layer };
    });
    row.replaceChildren(...seen.map(({ cell }) => cell));
    enlarge(null);
  }
  function enlarge(number) {
    large = number;
    for (const { number: k, cell } of seen) {
      set(cell, { "aria-pressed": k === large, "aria-label": `Validation image ${k}, ${k === large ? "large" : "small"}` });
    }
    onLook();
  }
  function show(runs) {
    changed([seen.map((s) => s.number), runs.map((r) => [r.run, r.hidden, r.val.length, Object.keys(r.outlines)])], () => {
      for (const { number, layer } of seen) {
        layer.replaceChildren(...runs.filter((r) => !r.hidden).flatMap((run) => (run.outlines[number] ?? []).map((points) =>
          drawn("polygon", { points: points.join(" "), fill: "none", "stroke-width": 5, stroke: pen(run).stroke }))));
      }
    });
  }
  // What a group sees of an image: the stronger, the less is seen through.
  function field(found, buffer) {
    for (const { number, cell } of seen) {
      cell.querySelector(".usft-field")?.remove();
      if (found?.image !== number) continue;
      const heat = make("canvas", "usft-field"), bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
      heat.width = heat.height = size;
      const pixels = new Uint8ClampedArray(4 * size * size);
      bytes.forEach((value, i) => pixels.set([255, 170, 40, value], 4 * i));
      heat.getContext("2d").putImageData(new ImageData(pixels, size, size), 0, 0);
      cell.querySelector("canvas").after(heat);
    }
  }
  return { frame, caption, begin, show, field, looked: () => large ?? seen[0]?.number ?? null };
}
