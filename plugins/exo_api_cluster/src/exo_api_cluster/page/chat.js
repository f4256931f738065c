// The conversation on this page: with which models, those that are ready first, and how they are asked.
let readyModels = new Set();

function drawChatModels(ids) {
  drawModels(ids.sort((a, b) => readyModels.has(b) - readyModels.has(a) || a.localeCompare(b)));
}

function hint(models) {
  return models
    ? "Ask something. A model that is not placed yet is placed first."
    : "No model is known here. Type: exo models add MODEL";
}

async function answerTo(body, signal) {
  return pieces(await request("POST", "/v1/chat/completions", body, signal));
}
