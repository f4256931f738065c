// What can be placed, and placing it.
function drawCatalogue(models) {
  find("catalogue").replaceChildren(...models.map((model) => make("option", { value: model.id })));
  drawChatModels(models.map((model) => model.id));
}

function answerPlace(text, failed) {
  const answer = find("place-answer");
  answer.hidden = !text;
  answer.textContent = text;
  answer.classList.toggle("failed", failed);
}

find("place").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  const model = find("place-model").value.trim();
  button.disabled = true;
  answerPlace(`Placing ${model}…`, false);
  try {
    const minimum = Number(find("place-nodes").value) || 1;
    const placed = await (await request("POST", "/place_instance", { model_id: model, min_nodes: minimum })).json();
    await refresh(placed.index);
    answerPlace("", false);
    find("place-model").value = "";
  } catch (problem) {
    answerPlace(problem.message, true);
  } finally {
    button.disabled = false;
  }
});
