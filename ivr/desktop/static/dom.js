// Building the page: elements from plain values. Text becomes text nodes; there is no way to pass markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (false and null leave one out) and children (elements or text; null leaves one out). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

/** Text from outside (callers, customers, the bank): its direction cannot spill over into what stands beside it. */
export const foreign = (text, attributes = {}) => el("bdi", { dir: "auto", ...attributes }, String(text));

/** A running clock: counts up from `since` or down to `until`, both seconds of the server's time. */
export const clock = (attributes) => el("span", { class: "clock", ...attributes });

/** Change the text only if it differs, so that screen readers and selections are left in peace. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const show = (node, visible) => { node.hidden = !visible; };
