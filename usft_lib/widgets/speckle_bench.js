// The speckle bench: sliders on one side, the picture and its numbers on the other (lesson 06).
//
// The front end asks, the kernel answers: {id, places} goes out, {to, ok, size, …} and the picture's bytes come back.
// One request is under way at a time; while it is, only the newest wish is kept. So a slider may be dragged quickly on a
// slow machine too.

const PRESETS = {
  "Few scatterers, anechoic lesion": { scatterers_per_cell: 2, contrast_db: 0 },
  "Deep and weak, anechoic lesion": { depth_cm: 16, centre_frequency_mhz: 14, attenuation_db_cm_mhz: 8, contrast_db: 0 },
  "Fine detail": { centre_frequency_mhz: 18, bandwidth: 10, f_number: 0, scatterers_per_cell: 12 },
};
const SETTLE_MS = 200;

// `ask(places)` may be called at any time: if a request is under way, the newest wish goes out after its answer.
function asker(kernel, onAnswer) {
  let wish = null;
  return function ask(places) {
    if (kernel.busy()) {
      wish = { ...places };
      return;
    }
    kernel.ask({ places }, (answer, buffers) => {
      onAnswer(answer, buffers);
      const next = wish;
      wish = null;
      if (next) ask(next);
    });
  };
}

function labelled(slider, place, onInput) {
  const row = make("label", "usft-slider"), value = make("span", "usft-slider-value"), input = make("input");
  const ends = set(make("span", "usft-ends"), { "aria-hidden": "true" });
  ends.append(...[slider.marks[0], slider.marks.at(-1)].map((mark) => make("span", "", mark)));
  Object.assign(input, { type: "range", min: 0, max: slider.marks.length - 1, step: 1, name: slider.name });
  input.setAttribute("aria-label", slider.label);
  function show(k) {
    input.value = k;
    value.textContent = slider.marks[k];
    input.setAttribute("aria-valuetext", slider.marks[k]);
  }
  input.addEventListener("input", () => {
    show(Number(input.value));
    onInput(Number(input.value));
  });
  show(place);
  row.append(make("span", "", slider.label), value, input, ends, make("span", "usft-hint", slider.hint));
  return { row, show };
}

// Canvas for the picture; over it, in millimetres, the lesion's outline and a bar of one centimetre.
function screen() {
  const frame = make("div", "usft-screen");
  const canvas = set(make("canvas"), { role: "img", "aria-label": "Simulated B-mode picture of a round lesion" });
  const overlay = drawn("svg", { "aria-hidden": "true" });
  const circle = drawn("circle", { class: "usft-outline" });
  const bar = drawn("line", { class: "usft-scale" });
  const length = drawn("text", { class: "usft-scale-text" }, "1 cm");
  overlay.append(circle, bar, length);
  frame.append(canvas, overlay);
  function show({ size, side_mm: side, depth_mm, radius_mm }, buffer) {
    paintGrey(canvas, size, buffer);
    set(overlay, { viewBox: `0 0 ${side} ${side}` });
    set(circle, { cx: side / 2, cy: depth_mm, r: radius_mm, "stroke-width": side / 160,
      "stroke-dasharray": `${side / 45} ${side / 60}` });
    set(bar, { x1: side * 0.04, x2: side * 0.04 + 10, y1: side * 0.96, y2: side * 0.96, "stroke-width": side / 90 });
    set(length, { x: side * 0.04, y: side * 0.94, "font-size": side / 24 });
  }
  return { frame, show, outline: (on) => (circle.style.display = on ? "" : "none") };
}

function table() {
  const node = make("table", "usft-numbers"), top = make("thead"), head = make("tr"), body = make("tbody");
  for (const text of ["", "measured", "theory"]) head.append(set(make("th", "", text), { scope: "col" }));
  top.append(head);
  node.append(make("caption", "", "Measured in the picture, and what theory says"), top, body);
  function show(numbers) {
    body.replaceChildren(...numbers.map((row) => {
      const line = make("tr"), name = set(make("th", "", row.label), { scope: "row" });
      line.append(name, make("td", "", row.measured), make("td", "", row.theory));
      return line;
    }));
  }
  return { node, show };
}

function render({ model, el }) {
  const root = make("div", "usft-widget usft-bench");
  const sliders = model.get("sliders");
  let places = { ...model.get("places") };
  const view = screen(), numbers = table(), tasks = taskList(), said = statusLine(), kernel = talk(model, said);
  const ask = asker(kernel, (answer, buffers) => {
    said.textContent = answer.ok ? "" : answer.message;
    if (!answer.ok) return;
    view.show(answer, buffers[0]);
    numbers.show(answer.numbers);
    tasks.show(answer.tasks ?? []);
    root.dataset.drawn = answer.to; // tests wait for it
  });
  let saving = null;
  function save() {
    model.set("places", { ...places });
    model.save_changes();
  }
  function wanted() {
    ask(places);
    clearTimeout(saving); // the picture first: `bench.settings` may learn of it when the slider rests
    saving = setTimeout(save, SETTLE_MS);
  }
  const rows = Object.fromEntries(
    sliders.map((slider) => [slider.name, labelled(slider, places[slider.name], (k) => {
      places[slider.name] = k;
      wanted();
    })]),
  );
  function move(chosen) {
    places = { ...places, ...chosen };
    for (const [name, k] of Object.entries(places)) rows[name].show(k);
  }

  const buttons = make("div", "usft-buttons");
  const start = Object.fromEntries(sliders.map((slider) => [slider.name, slider.start]));
  for (const [text, chosen] of [["Reset", {}], ...Object.entries(PRESETS)]) {
    buttons.append(button(text, () => {
      move({ ...start, ...chosen });
      wanted();
    }));
  }
  const outline = make("label", "usft-check"), box = make("input");
  Object.assign(box, { type: "checkbox", checked: true });
  box.addEventListener("change", () => view.outline(box.checked));
  outline.append(box, make("span", "", "show the lesion's outline"));

  const left = make("div", "usft-left"), right = make("div", "usft-right");
  left.append(view.frame, outline);
  right.append(...sliders.map((slider) => rows[slider.name].row), buttons, numbers.node, said);
  root.append(tasks.node, left, right);
  el.append(root);

  // Moved from Python: `bench.settings = {...}`.
  function movedElsewhere() {
    const now = model.get("places");
    if (sliders.every((slider) => now[slider.name] === places[slider.name])) return;
    move(now);
    ask(places);
  }
  model.on("change:places", movedElsewhere);
  ask(places);
  return () => {
    clearTimeout(saving);
    kernel.close();
    model.off("change:places", movedElsewhere);
  };
}

export default { render };
