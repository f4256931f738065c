// Draws a part of the page anew only when what it shows has changed, so that nothing flickers or loses its focus.
const shown = new Map();
function show(id, data, draw) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  find(id).replaceChildren(...draw(data));
}
