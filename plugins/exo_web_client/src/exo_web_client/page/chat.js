// A conversation with one of the models, streamed from the API that every other client uses.
const conversation = [];
let running = null;

function drawModels(ids) {
  const select = find("model");
  const chosen = select.value;
  select.replaceChildren(...ids.map((id) => new Option(id, id)));
  if (ids.includes(chosen)) select.value = chosen;
  if (!conversation.length) drawHint(ids.length ? "Ask something." : "No model is known there. On a machine, type: exo models add MODEL");
}

function drawHint(text) {
  find("messages").replaceChildren(make("p", "hint", text));
}

function addMessage(kind, ...children) {
  const messages = find("messages");
  messages.querySelector(".hint")?.remove();
  messages.append(make("div", `message ${kind}`, ...children));
  messages.scrollTop = messages.scrollHeight;
  find("clear").hidden = false;
}

// The parts of an answer while it grows.
function addAnswer() {
  const answer = { thought: make("div", "thought"), text: make("span", ""), note: make("span", "note", "waiting…") };
  addMessage("assistant", answer.thought, answer.text, answer.note);
  return answer;
}

function grow(answer, delta) {
  const messages = find("messages");
  const follows = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
  answer.note.textContent = "";
  answer.thought.textContent += delta.reasoning_content ?? "";
  answer.text.textContent += delta.content ?? "";
  if (follows) messages.scrollTop = messages.scrollHeight;
}

// The JSON of each server-sent event in pieces of text.
async function* events(pieces) {
  let buffer = "";
  for await (const piece of pieces) {
    const blocks = (buffer + piece).split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      if (block.startsWith("data: ") && block !== "data: [DONE]") yield JSON.parse(block.slice(6));
    }
  }
}

async function stream(answer, signal) {
  const body = { model: find("model").value, messages: conversation, stream: true };
  const asked = await door.ask("POST", "/v1/chat/completions", body, signal);
  if (asked.status !== 200) throw new Problem(errorIn(await asked.answer.text(), asked.status));
  for await (const chunk of events(asked.answer.pieces())) {
    if (chunk.error) throw new Problem(chunk.error.message);
    if (chunk.choices[0] && !("role" in chunk.choices[0].delta)) grow(answer, chunk.choices[0].delta);
  }
}

async function ask(text) {
  conversation.push({ role: "user", content: text });
  addMessage("user", text);
  const answer = addAnswer();
  running = new AbortController();
  setRunning(true);
  try {
    await stream(answer, running.signal);
    answer.note.textContent = "";
  } catch (problem) {
    answer.note.textContent = running.signal.aborted ? "stopped" : "";
    if (!running.signal.aborted) addMessage("error", problem.message);
  } finally {
    const said = answer.text.textContent;
    if (said) conversation.push({ role: "assistant", content: said });
    else conversation.pop();
    running = null;
    setRunning(false);
  }
}

function setRunning(isRunning) {
  find("send").textContent = isRunning ? "Stop" : "Send";
  find("prompt").required = !isRunning;
}

find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) {
    running.abort();
    return;
  }
  const text = find("prompt").value.trim();
  if (!text || !door || !find("model").value) return;
  find("prompt").value = "";
  ask(text);
});

find("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) find("ask").requestSubmit();
});

find("clear").addEventListener("click", () => {
  running?.abort();
  conversation.length = 0;
  drawHint("Ask something.");
  find("clear").hidden = true;
});

if (location.protocol.startsWith("http")) {
  find("rendezvous").value = location.origin + location.pathname.replace(/\/$/, "");
  find("whose").hidden = false;
}
find(find("rendezvous").value ? "key" : "rendezvous").focus();
