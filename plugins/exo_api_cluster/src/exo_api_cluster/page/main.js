// Asks the node once a second how the cluster is, and draws what changed.
const STATE_EVERY = 1000;
const MODELS_EVERY = 5000;
let modelsAsked = -Infinity;

function drawState(state) {
  const names = Object.fromEntries(Object.entries(state.nodes).map(([id, node]) => [id, node.name]));
  show("nodes", { nodes: state.nodes, self: state.node_id, master: state.master }, drawNodes);
  show("links", { links: state.links, names }, drawLinks);
  show("instances", { instances: state.instances, runners: state.runners, names }, drawInstances);
  readyModels = new Set(
    Object.values(state.instances).filter((instance) => instance.status === "ready").map((instance) => instance.model_id));
  const alive = Object.values(state.nodes).filter((node) => node.alive);
  const memory = alive.reduce((sum, node) => sum + (node.memory.for_models ?? 0), 0);
  const master = state.master ? `led by ${names[state.master] ?? state.master}` : "no machine leads at the moment";
  find("summary").textContent = `${plural(alive.length, "machine")}, ${bytes(memory)} for models, ${master}`;
}

async function refresh(index = 0) {
  drawState(await (await request("GET", index ? `/state?at_least=${index}` : "/state")).json());
  if (performance.now() - modelsAsked > MODELS_EVERY) {
    modelsAsked = performance.now();
    drawCatalogue(await (await request("GET", "/models")).json());
  }
}

async function keepFresh() {
  const offline = find("offline");
  try {
    if (!document.hidden) await refresh();
    offline.hidden = true;
  } catch (problem) {
    offline.hidden = false;
    offline.textContent = problem instanceof TypeError
      ? "This node does not answer. Is it still running? Start it with: exo run"
      : problem.message;
  }
  setTimeout(keepFresh, STATE_EVERY);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(() => {}); });
drawHint();
keepFresh();
