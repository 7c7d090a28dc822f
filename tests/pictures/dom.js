// As much of a document as flame.js uses, with the frames of frames.json, and what a person does: prints what was seen.
const fs = require("fs"), vm = require("vm");

class Node {
  constructor(tag, attributes = {}) {
    Object.assign(this, { tag, attributes, children: [], style: {}, textContent: "", listeners: {}, value: "" });
    this.hit = false;
    this.classList = { toggle: (name, on) => { this.hit = on; } };
  }
  getAttribute(name) { return this.attributes[name]; }
  setAttribute(name, value) { this.attributes[name] = value; }
  appendChild(child) { this.children.push(child); }
  addEventListener(name, heard) { this.listeners[name] = heard; }
  querySelector(wanted) { return this.querySelectorAll(wanted)[0] || null; }
  querySelectorAll(wanted) {
    const own = this.children.filter((child) => wanted === "." + child.attributes.class || wanted === child.tag);
    return own.concat(...this.children.map((child) => child.querySelectorAll(wanted)));
  }
  closest(wanted) { return wanted === "." + this.attributes.class ? this : null; }
}

const flame = new Node("g", { class: "flame", "data-width": "1180", "data-unit": "samples" });
for (const { title, y, data } of JSON.parse(fs.readFileSync(process.argv[2]))) {
  const group = new Node("g", { class: "f", "data-f": data });
  group.appendChild(Object.assign(new Node("title"), { textContent: title }));
  group.appendChild(new Node("rect", { y }));
  flame.appendChild(group);
}
flame.appendChild(new Node("text", { class: "detail" }));
const document = {
  querySelectorAll: () => [flame],
  createElementNS: (_, tag) => new Node(tag),
  addEventListener: (_, heard) => { document.heard = heard; },
};
vm.runInNewContext(fs.readFileSync(process.argv[3], "utf8"), { document });

const frames = flame.querySelectorAll(".f");
const name = (frame) => frame.querySelector("title").textContent.split("\n")[0];
const shown = () => frames.filter((frame) => frame.style.display !== "none");
const places = () => Object.fromEntries(shown().map((frame) => {
  const { x, width } = frame.querySelector("rect").attributes;
  return [name(frame), [x, width + 0.5]];
}));
const holder = flame.children.find((child) => child.tag === "foreignObject"), box = holder.children[0];
const matched = flame.children.find((child) => child.attributes.class === "dim");
const detail = flame.querySelector(".detail");

const said = { searched: {} };
for (const wanted of ["/^p/", "/(/", "read"]) {
  box.value = wanted;
  box.listeners.input();
  said.searched[wanted] = matched.textContent;
}
said.hits = frames.filter((frame) => frame.hit).map(name);
flame.listeners.click({ target: frames.find((frame) => name(frame) === "load") });
said.zoomed = places();
said.faded = shown().filter((frame) => frame.style.opacity < 1).map(name);
flame.listeners.mouseover({ target: shown().find((frame) => name(frame) === "read") });
said.hover = detail.textContent;
document.heard({ key: "Escape" });
said.reset = places();
flame.listeners.mouseleave();
said.rest = detail.textContent;
console.log(JSON.stringify(said));
