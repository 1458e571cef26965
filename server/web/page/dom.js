// Making elements. Text from outside becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

// element("td", {class: "number"}, "text", child, ...)
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export const text = (...children) => element("td", {}, ...children);
export const number = (...children) => element("td", { class: "number" }, ...children);
export const rowHeader = (...children) => element("th", { scope: "row" }, ...children);
export const row = (...cells) => element("tr", {}, ...cells);

export function fill(id, ...children) {
  byId(id).replaceChildren(...children);
}

export function show(id, shown) {
  byId(id).hidden = !shown;
}
