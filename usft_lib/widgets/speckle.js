// The speckle bench: sliders on one side, the picture and its numbers on the other (lesson 04).
//
// The front end asks, the kernel answers: {id, places} goes out, {to, ok, size, …} and the picture's bytes come back.
// One request is under way at a time; while it is, only the newest wish is kept. So a slider may be dragged as fast as
// one likes, on a slow machine too.

const PRESETS = {
  "Few scatterers": { scatterers_per_cell: 2, contrast_db: 0 },
  "Deep and weak": { depth_cm: 16, centre_frequency_mhz: 14, attenuation_db_cm_mhz: 8, contrast_db: 0 },
  "Fine detail": { centre_frequency_mhz: 18, bandwidth: 10, f_number: 0, scatterers_per_cell: 12 },
};
const SVG = "http://www.w3.org/2000/svg";
const SILENCE_MS = 5000, SETTLE_MS = 200;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (tag === "input" || tag === "button") node.dataset.lmSuppressShortcuts = ""; // JupyterLab has plans for arrow keys
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function drawn(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// One request at a time, the newest wish next. `ask(places)` may be called at any time.
function asker(model, onAnswer, onSilence) {
  let next = 0, waiting = null, wish = null, timer = null;
  function send(places) {
    waiting = ++next;
    model.send({ id: waiting, places });
    clearTimeout(timer);
    timer = setTimeout(onSilence, SILENCE_MS);
  }
  function heard(answer, buffers) {
    if (answer.to !== waiting) return; // of a view that is gone, or too late
    clearTimeout(timer);
    waiting = null;
    onAnswer(answer, buffers);
    if (wish) {
      const places = wish;
      wish = null;
      send(places);
    }
  }
  model.on("msg:custom", heard);
  return {
    ask(places) {
      if (waiting === null) send(places);
      else wish = { ...places };
    },
    close() {
      clearTimeout(timer);
      model.off("msg:custom", heard);
    },
  };
}

function slider(knob, place, onInput) {
  const row = make("label", "usft-knob");
  const name = make("span", "usft-knob-name", knob.label);
  const value = make("span", "usft-knob-value");
  const input = make("input");
  Object.assign(input, { type: "range", min: 0, max: knob.marks.length - 1, step: 1, name: knob.name });
  input.setAttribute("aria-label", knob.label);
  function show(k) {
    input.value = k;
    value.textContent = knob.marks[k];
    input.setAttribute("aria-valuetext", knob.marks[k]);
  }
  input.addEventListener("input", () => {
    show(Number(input.value));
    onInput(Number(input.value));
  });
  show(place);
  row.append(name, value, input);
  return { row, show };
}

// Canvas for the picture; over it, in millimetres, the lesion's outline and a bar of one centimetre.
function screen() {
  const frame = make("div", "usft-screen");
  const canvas = make("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Simulated B-mode picture of a round lesion");
  const overlay = drawn("svg", { "aria-hidden": "true" });
  const circle = drawn("circle", { class: "usft-outline" });
  const bar = drawn("line", { class: "usft-bar" });
  const length = drawn("text", { class: "usft-bar-text" });
  length.textContent = "1 cm";
  overlay.append(circle, bar, length);
  frame.append(canvas, overlay);
  function show(answer, bytes) {
    const n = answer.size, side = answer.side_mm;
    canvas.width = canvas.height = n;
    const pixels = new Uint8ClampedArray(4 * n * n);
    for (let i = 0; i < n * n; i++) {
      pixels[4 * i] = pixels[4 * i + 1] = pixels[4 * i + 2] = bytes[i];
      pixels[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(new ImageData(pixels, n, n), 0, 0);
    overlay.setAttribute("viewBox", `0 0 ${side} ${side}`);
    const set = (node, values) => Object.entries(values).forEach(([k, v]) => node.setAttribute(k, v));
    set(circle, { cx: side / 2, cy: answer.depth_mm, r: answer.radius_mm, "stroke-width": side / 160,
      "stroke-dasharray": `${side / 45} ${side / 60}` });
    set(bar, { x1: side * 0.04, x2: side * 0.04 + 10, y1: side * 0.96, y2: side * 0.96, "stroke-width": side / 90 });
    set(length, { x: side * 0.04, y: side * 0.94, "font-size": side / 24 });
  }
  return { frame, show, outline: (on) => (circle.style.display = on ? "" : "none") };
}

function table() {
  const node = make("table", "usft-numbers");
  node.append(make("caption", "", "Measured in the picture, and what theory says"));
  const head = make("tr");
  for (const text of ["", "measured", "theory"]) {
    const cell = make("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  const body = make("tbody");
  const top = make("thead");
  top.append(head);
  node.append(top, body);
  return {
    node,
    show(numbers) {
      body.replaceChildren(
        ...numbers.map((row) => {
          const line = make("tr");
          const name = make("th", "", row.label);
          name.scope = "row";
          line.append(name, make("td", "", row.measured), make("td", "", row.theory));
          return line;
        }),
      );
    },
  };
}

function render({ model, el }) {
  const root = make("div", "usft-bench");
  const knobs = model.get("knobs");
  let places = { ...model.get("places") };
  const view = screen(), numbers = table();
  const said = make("p", "usft-said");
  said.setAttribute("role", "status");

  const kernel = asker(
    model,
    (answer, buffers) => {
      said.textContent = answer.ok ? "" : answer.message;
      if (!answer.ok) return;
      const view0 = buffers[0];
      view.show(answer, new Uint8Array(view0.buffer ?? view0, view0.byteOffset ?? 0, view0.byteLength));
      numbers.show(answer.numbers);
      root.dataset.drawn = answer.to; // tests wait for it
    },
    () => (said.textContent = "The kernel does not answer. Is a cell running, or was the kernel restarted? Run this cell again."),
  );
  let saving = null;
  function save() {
    model.set("places", { ...places });
    model.save_changes();
  }
  function wanted() {
    kernel.ask(places);
    clearTimeout(saving); // the picture first: `bench.settings` may learn of it when the slider rests
    saving = setTimeout(save, SETTLE_MS);
  }
  const sliders = Object.fromEntries(
    knobs.map((knob) => [knob.name, slider(knob, places[knob.name], (k) => {
      places[knob.name] = k;
      wanted();
    })]),
  );
  function move(chosen) {
    places = { ...places, ...chosen };
    for (const [name, k] of Object.entries(places)) sliders[name].show(k);
  }

  const buttons = make("div", "usft-buttons");
  const start = Object.fromEntries(knobs.map((knob) => [knob.name, knob.start]));
  for (const [text, chosen] of [["Reset", {}], ...Object.entries(PRESETS)]) {
    const button = make("button", "", text);
    button.type = "button";
    button.addEventListener("click", () => {
      move({ ...start, ...chosen });
      wanted();
    });
    buttons.append(button);
  }
  const outline = make("label", "usft-check");
  const box = make("input");
  Object.assign(box, { type: "checkbox", checked: true });
  box.addEventListener("change", () => view.outline(box.checked));
  outline.append(box, make("span", "", "show the lesion's outline"));

  const left = make("div", "usft-left"), right = make("div", "usft-right");
  left.append(view.frame, outline);
  right.append(...knobs.map((knob) => sliders[knob.name].row), buttons, numbers.node, said);
  root.append(left, right);
  el.append(root);

  // Moved from Python: `bench.settings = {...}`.
  function movedElsewhere() {
    const now = model.get("places");
    if (knobs.every((knob) => now[knob.name] === places[knob.name])) return;
    move(now);
    kernel.ask(places);
  }
  model.on("change:places", movedElsewhere);
  kernel.ask(places);
  return () => {
    clearTimeout(saving);
    kernel.close();
    model.off("change:places", movedElsewhere);
  };
}

export default { render };
