// The placed models: for every machine the layers it holds, drawn where they lie in the model.
const STAGE_COLORS = 8;

function drawInstances({ instances, runners, names }) {
  const cards = Object.entries(instances).map(([id, instance]) => instanceCard(id, instance, runners, names));
  return cards.length ? cards : [make("div", { className: "empty" },
    make("p", {}, "No model is placed yet."),
    make("p", {}, "Choose one above, or type ", make("code", {}, "exo place tiny")))];
}

function instanceCard(id, instance, runners, names) {
  const layers = Math.max(1, ...instance.shards.map((shard) => shard.end_layer));
  const says = instance.status !== "ready" && instance.detail;
  return make("article", { className: "card" },
    make("div", { className: "row" },
      make("h3", { title: `instance ${id}` }, instance.model_id),
      make("span", { className: `pill ${instance.status}` }, instance.status),
      removeButton(id)),
    says ? make("p", { className: `detail ${instance.status === "failed" ? "failed" : ""}` }, instance.detail) : null,
    make("div", { className: "shards" },
      ...instance.shards.map((shard) => shardRow(shard, layers, runners[shard.runner_id], names))));
}

function shardRow(shard, layers, runner, names) {
  const count = shard.end_layer - shard.start_layer;
  const range = count === 1 ? `${shard.start_layer}` : `${shard.start_layer}–${shard.end_layer - 1}`;
  const name = names[shard.node_id] ?? shard.node_id;
  const bar = make("span", {
    className: `s${shard.stage % STAGE_COLORS}`,
    style: { left: `${(100 * shard.start_layer) / layers}%`, width: `${(100 * count) / layers}%` },
  }, count / layers > 0.3 ? `layers ${range}` : range);
  const why = runner?.status === "failed" && runner.detail ? runner.detail : "";
  return make("div", { className: "shard" },
    make("span", { className: "node", title: name }, name),
    make("div", { className: "layers", title: `${name} holds layers ${range} of ${layers}` }, bar),
    runnerStatus(runner),
    why ? make("p", { className: "why failed" }, why) : null);
}

function runnerStatus(runner) {
  if (!runner) return make("div", { className: "runner quiet" }, "starting");
  const share = runner.total ? runner.done / runner.total : null;
  const moves = share !== null && ["downloading", "loading", "warming_up"].includes(runner.status);
  return make("div", { className: `runner ${runner.status}`, title: runner.detail ?? "" },
    words(runner.status) + (moves ? ` ${Math.floor(100 * share)} %` : ""),
    moves ? make("div", { className: "bar" }, make("i", { style: { width: `${100 * share}%` } })) : null);
}

// The first click asks, the second removes. What was asked outlives a new drawing of the card.
const SURE_FOR = 4000;
let asked = { id: null, at: -Infinity };

function removeButton(id) {
  const button = make("button", { className: "link", type: "button", title: "stop and forget this instance" });
  const isAsked = () => asked.id === id && performance.now() - asked.at < SURE_FOR;
  const draw = () => {
    button.textContent = isAsked() ? "Really remove?" : "Remove";
    button.classList.toggle("sure", isAsked());
    if (isAsked()) setTimeout(draw, SURE_FOR + 50 - (performance.now() - asked.at));
  };
  button.addEventListener("click", async () => {
    if (!isAsked()) {
      asked = { id, at: performance.now() };
      draw();
      return;
    }
    button.disabled = true;
    try {
      await request("DELETE", `/instance/${encodeURIComponent(id)}`);
      await refresh();
    } catch (problem) {
      answerPlace(problem.message, true);
      button.disabled = false;
    }
  });
  draw();
  return button;
}
