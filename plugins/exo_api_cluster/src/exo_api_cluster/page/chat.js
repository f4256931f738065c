// A conversation with one of the models, streamed from the API that every other client uses.
const conversation = [];
let running = null;
let readyModels = new Set();

function drawChatModels(ids) {
  const select = find("chat-model");
  ids.sort((a, b) => readyModels.has(b) - readyModels.has(a) || a.localeCompare(b));
  if ([...select.options].map((option) => option.value).join("\n") === ids.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(...ids.map((id) => make("option", { value: id }, id)));
  if (ids.includes(chosen) && conversation.length) select.value = chosen;
  select.hidden = !ids.length;
  drawHint();
}

function drawHint() {
  const messages = find("chat-messages");
  if (conversation.length || messages.querySelector(".message")) return;
  const text = find("chat-model").options.length
    ? "Ask something. A model that is not placed yet is placed first."
    : "No model is known here. Type: exo models add MODEL";
  messages.replaceChildren(make("p", { className: "hint" }, text));
}

function addMessage(kind, text) {
  const messages = find("chat-messages");
  messages.querySelector(".hint")?.remove();
  const message = make("div", { className: `message ${kind}` }, text);
  messages.append(message);
  messages.scrollTop = messages.scrollHeight;
  find("chat-clear").hidden = false;
  return message;
}

// The parts of an answer while it grows.
function addAnswer() {
  const thought = make("div", { className: "thought" });
  const text = make("span");
  const speed = make("span", { className: "speed" }, "waiting…");
  addMessage("assistant", "").append(thought, text, speed);
  return { thought, text, speed, tokens: 0, started: null };
}

function grow(answer, delta) {
  const messages = find("chat-messages");
  const follows = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
  answer.thought.textContent += delta.reasoning_content ?? "";
  answer.text.textContent += delta.content ?? "";
  if (follows) messages.scrollTop = messages.scrollHeight;
}

function drawSpeed(answer, usage) {
  const seconds = answer.started === null ? 0 : (performance.now() - answer.started) / 1000;
  const tokens = usage?.completion_tokens ?? answer.tokens;
  const rate = seconds > 0.05 && tokens > 1 ? `, ${((tokens - 1) / seconds).toFixed(1)} per second` : "";
  answer.speed.textContent = plural(tokens, "token") + rate;
}

// Yields the JSON of each server-sent event.
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      if (block.startsWith("data: ") && block !== "data: [DONE]") yield JSON.parse(block.slice(6));
    }
  }
}

async function stream(answer, signal) {
  const body = {
    model: find("chat-model").value, messages: conversation, stream: true, stream_options: { include_usage: true },
  };
  const response = await fetch("/v1/chat/completions", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
  });
  if (!response.ok) throw new Error(await errorText(response));
  for await (const chunk of lines(response)) {
    if (chunk.error) throw new Error(chunk.error.message);
    const choice = chunk.choices[0];
    if (choice && !("role" in choice.delta)) {
      answer.started ??= performance.now();
      answer.tokens += 1;
      grow(answer, choice.delta);
    }
    if (choice?.finish_reason || chunk.usage || answer.tokens % 8 === 1) drawSpeed(answer, chunk.usage);
  }
}

async function send(text) {
  conversation.push({ role: "user", content: text });
  addMessage("user", text);
  const answer = addAnswer();
  running = new AbortController();
  setRunning(true);
  try {
    await stream(answer, running.signal);
  } catch (problem) {
    answer.speed.textContent = problem.name === "AbortError" ? "stopped" : "";
    if (problem.name !== "AbortError") addMessage("error", problem.message);
  } finally {
    const said = answer.text.textContent;
    if (said) conversation.push({ role: "assistant", content: said });
    else conversation.pop();
    running = null;
    setRunning(false);
  }
}

function setRunning(isRunning) {
  find("chat-send").textContent = isRunning ? "Stop" : "Send";
  find("chat-text").required = !isRunning;
}

find("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) {
    running.abort();
    return;
  }
  const text = find("chat-text").value.trim();
  if (!text || !find("chat-model").value) return;
  find("chat-text").value = "";
  send(text);
});

find("chat-text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) find("chat-form").requestSubmit();
});

find("chat-clear").addEventListener("click", () => {
  running?.abort();
  conversation.length = 0;
  find("chat-messages").replaceChildren();
  find("chat-clear").hidden = true;
  drawHint();
});
