// The machines and the links between them.
function drawNodes({ nodes, self, master }) {
  const tiles = Object.entries(nodes)
    .sort(([, a], [, b]) => a.name.localeCompare(b.name))
    .map(([id, node]) => nodeTile(id, node, id === self, id === master));
  return tiles.length === 1 ? [...tiles, howToJoin()] : tiles;
}

function nodeTile(id, node, isSelf, isMaster) {
  return make("article", { className: "card" },
    make("div", { className: "row" },
      make("span", { className: node.alive ? "dot" : "dot dead", title: node.alive ? "alive" : "not reachable" }),
      make("h3", { title: id }, node.name),
      isMaster ? make("span", { className: "tag strong", title: "decides where models are placed" }, "master") : null,
      isSelf ? make("span", { className: "tag" }, "here") : null),
    ...(node.alive ? memoryLines(node.memory) : [silence(node)]),
    make("div", { className: "facts" },
      make("span", {}, [node.version ? `exo ${node.version}` : "", node.backends.join(", ") || "no backend"]
        .filter(Boolean).join(", "))));
}

// From left to right: what others use, what exo could give to models, and what stays free for the person.
function memoryLines({ total, free, for_models: forModels }) {
  if (!total || free === null) return [make("p", { className: "detail" }, "memory not measured yet")];
  const part = (count) => `${Math.min(100, Math.max(0, (100 * count) / total))}%`;
  const models = Math.min(forModels ?? 0, free);
  return [
    make("div", { className: "meter", title: "grey: in use, coloured: free for models" },
      make("i", { style: { width: part(total - free) } }),
      make("i", { className: "models", style: { width: part(models) } })),
    make("div", { className: "facts" },
      make("span", {}, `${bytes(free)} of ${bytes(total)} free`),
      make("span", {}, make("i", { className: "key" }), `${bytes(models)} for models`)),
  ];
}

function silence(node) {
  const since = node.last_seen_s === null ? "never heard of" : `silent for ${Math.round(node.last_seen_s)} s`;
  return make("p", { className: "detail failed" }, `not reachable, ${since}`);
}

function howToJoin() {
  return make("div", { className: "empty" },
    make("p", {}, "To add a machine, type here ", make("code", {}, "exo invite")),
    make("p", {}, "and there ", make("code", {}, "exo run --join CODE")));
}

function drawLinks({ links, names }) {
  if (!links.length) return [];
  const head = ["Between", "Transport", "Address", "Round trip"].map((title, column) =>
    make("th", { className: ["", "", "address", "number"][column] }, title));
  const rows = links.map((link) => make("tr", {},
    make("td", {}, `${names[link.a] ?? link.a} – ${names[link.b] ?? link.b}`),
    make("td", {}, link.transport),
    make("td", { className: "address mono" }, link.address ?? ""),
    make("td", { className: "number" }, link.round_trip_ms === null ? "–" : milliseconds(link.round_trip_ms))));
  return [make("table", { className: "links" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))];
}
