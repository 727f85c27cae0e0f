// What all front ends share: it stands in front of each one's script. Text is set by textContent, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const SILENCE_MS = 5000;

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
function make(tag, className, text) {
  const node = document.createElement(tag);
  if (tag === "input" || tag === "button") node.dataset.lmSuppressShortcuts = ""; // else JupyterLab takes the arrow keys
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function drawn(tag, attributes = {}, text) {
  const node = set(document.createElementNS(SVG, tag), attributes);
  if (text !== undefined) node.textContent = text;
  return node;
}
function button(text, onClick) {
  const node = make("button", "", text);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
}
function statusLine() { // read aloud when its text changes
  return set(make("p", "usft-said"), { role: "status" });
}
// What is to be found out, ticked once it is found.
function taskList() {
  const node = set(make("ul", "usft-tasks"), { "aria-label": "What to find out", "aria-live": "polite" });
  let before = "";
  function show(tasks) {
    const now = JSON.stringify(tasks);
    if (now === before) return; // else it would be read aloud again
    before = now;
    node.replaceChildren(...tasks.map((task) => {
      const item = make("li", task.solved ? "usft-solved" : "", `${task.solved ? "✓" : "○"} ${task.text}`);
      item.append(make("span", "usft-quiet", task.solved ? " Done." : task.trouble ? ` This task cannot be told: ${task.trouble}` : ""));
      return item;
    }));
  }
  return { node, show };
}
// A picture from the kernel, one grey byte a pixel, onto a canvas.
function paintGrey(canvas, size, buffer) {
  const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
  canvas.width = canvas.height = size;
  const pixels = new Uint8ClampedArray(4 * size * size).fill(255);
  for (let i = 0; i < size * size; i++) pixels[4 * i] = pixels[4 * i + 1] = pixels[4 * i + 2] = bytes[i];
  canvas.getContext("2d").putImageData(new ImageData(pixels, size, size), 0, 0);
}

// Talking to the kernel: {id, …} goes out, {to, …} comes back, and each answer belongs to its question.
function talk(model, said) {
  let last = 0;
  const waiting = new Map();
  function silent() {
    said.textContent = "The kernel does not answer. Is a cell running? If the kernel was restarted, run this cell again.";
  }
  function heard(answer, buffers) {
    const asked = waiting.get(answer.to);
    if (!asked) return; // of a view that is gone, or answered already
    clearTimeout(asked.timer);
    waiting.delete(answer.to);
    asked.then(answer, buffers);
  }
  model.on("msg:custom", heard);
  return {
    busy: () => waiting.size > 0,
    ask(content, then) {
      const id = ++last;
      waiting.set(id, { then, timer: setTimeout(silent, SILENCE_MS) });
      model.send({ id, ...content });
    },
    close() {
      for (const { timer } of waiting.values()) clearTimeout(timer);
      model.off("msg:custom", heard);
    },
  };
}
