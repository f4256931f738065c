// Making elements; text never becomes markup.
function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  const { style, on, ...properties } = options;
  Object.assign(element, properties);
  Object.assign(element.style, style ?? {});
  for (const [name, handler] of Object.entries(on ?? {})) element.addEventListener(name, handler);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const find = (id) => document.getElementById(id);

// What a person can do something about; anything else is a fault of this page.
class Problem extends Error {}

// What an answer with an error says of it, from its text.
function errorIn(text, status) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return `The node answered ${status}.`;
  }
}

function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
