// Lives in the page of `imgc graph`, after its own script: `plan`, `nodes`, `elements`, `details`, `choose`, `at`,
// `show` and `chosen` are of that one.
"use strict";
const api = acquireVsCodeApi();
const MARKS = { pending: "…", running: "▶", succeeded: "✓", failed: "✗", error: "!", skipped: "–", omitted: "–", interrupted: "‖" };
const lineOf = (node) => Number(node.place.split(":").at(-1)) - 1;
const images = new Set(Object.keys(plan.images));
const isImage = (node) => node.kind === "image" && images.has(node.path);

// What can be done with the chosen node
const act = (title, key, message) => {
  const button = Object.assign(document.createElement("button"), { textContent: title, title: `Press ${key}` });
  button.onclick = () => api.postMessage(message);
  return button;
};
const offer = () => {
  const node = nodes.get(chosen);
  if (!node || details.querySelector(".acts")) return;
  const acts = Object.assign(document.createElement("div"), { className: "acts" });
  acts.append(act("Go to line", "o", { type: "open", line: lineOf(node) }));
  if (!isImage(node)) acts.append(act("Run", "r", { type: "run", path: node.path }));
  if (node.kind === "run" || node.kind === "call") acts.append(act("Debug", "d", { type: "debug", path: node.path }));
  details.querySelector("p")?.after(acts);
};
new MutationObserver(offer).observe(details, { childList: true });
canvas.addEventListener("dblclick", (event) => {
  const node = nodes.get(event.target.closest(".node")?.dataset.path);
  if (node) api.postMessage({ type: "open", line: lineOf(node) });
});
addEventListener("keydown", (event) => {
  const node = nodes.get(chosen);
  if (!node || event.ctrlKey || event.metaKey || event.altKey || event.target === search) return;
  if (event.key === "o") api.postMessage({ type: "open", line: lineOf(node) });
  if (event.key === "r" && !isImage(node)) api.postMessage({ type: "run", path: node.path });
  if (event.key === "d" && node.kind === "run") api.postMessage({ type: "debug", path: node.path });
});
for (const [key, text] of [["o", "go to its line in the file"], ["r", "run it"], ["d", "debug it"]]) {
  const term = document.createElement("dt");
  term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  document.querySelector("#keys dl").append(term, Object.assign(document.createElement("dd"), { textContent: text }));
}

// How each ended
const SVG = "http://www.w3.org/2000/svg";
const states = (found) => {
  for (const [path, state] of found) {
    const element = elements.get(path);
    if (!element) continue;
    element.classList.remove(...Object.keys(MARKS));
    element.querySelector(".mark")?.remove();
    if (!state) continue;
    element.classList.add(state);
    const mark = document.createElementNS(SVG, "text");
    mark.setAttribute("class", `mark ${state}`);
    // In the lower right corner: inside a leaf, on the border of a group.
    const [width, height] = ["width", "height"].map((name) => Number(element.querySelector("rect").getAttribute(name)));
    const leaf = element.classList.contains("leaf");
    mark.setAttribute("x", String(leaf ? width - 18 : width - 22));
    mark.setAttribute("y", String(leaf ? height - 7 : height + 5));
    mark.textContent = MARKS[state] ?? "";
    element.append(mark);
    element.setAttribute("aria-label", `${element.getAttribute("aria-label").split(" — ")[0]} — ${state}`);
  }
};
addEventListener("message", ({ data }) => {
  if (data.type === "states") states(plan.nodes.some(isImage) ? data.images : data.nodes);
});

// The same view again when the page is made anew
const before = api.getState();
if (before) {
  at = before.at;
  show();
  if (nodes.has(before.chosen)) choose(before.chosen);
}
for (const name of ["pointerup", "keyup", "wheel"]) addEventListener(name, () => api.setState({ at, chosen }));
canvas.focus();
api.postMessage({ type: "ready" });
