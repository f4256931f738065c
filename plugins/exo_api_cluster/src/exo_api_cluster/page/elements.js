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

// Draws a part of the page anew only when what it shows has changed, so that nothing flickers or loses its focus.
const shown = new Map();
function show(id, data, draw) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  find(id).replaceChildren(...draw(data));
}

async function request(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(await errorText(response));
  return response;
}

async function errorText(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `this node answered ${response.status}`;
  }
}
