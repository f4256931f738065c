// A conversation with one of the models, streamed from the API that every other client uses.
//
// The page has the elements `messages`, `clear`, `model` and a form `ask` with `prompt` and `send`. Its own script says
// `answerTo(body, signal)`, which gives pieces of text of a streamed answer or throws what a person is told, and
// `hint(models)`, what is shown before anything was asked.
const conversation = [];
let running = null;

function drawModels(ids) {
  const select = find("model");
  if ([...select.options].map((option) => option.value).join("\n") === ids.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(...ids.map((id) => make("option", { value: id }, id)));
  if (ids.includes(chosen) && conversation.length) select.value = chosen;
  select.hidden = !ids.length;
  drawHint();
}

function drawHint() {
  const messages = find("messages");
  if (conversation.length || messages.querySelector(".message")) return;
  messages.replaceChildren(make("p", { className: "hint" }, hint(find("model").options.length)));
}

function addMessage(kind, ...children) {
  const messages = find("messages");
  messages.querySelector(".hint")?.remove();
  messages.append(make("div", { className: `message ${kind}` }, ...children));
  messages.scrollTop = messages.scrollHeight;
  find("clear").hidden = false;
}

// The parts of an answer while it grows.
function addAnswer() {
  const thought = make("div", { className: "thought" });
  const text = make("span", { className: "said" });
  const note = make("span", { className: "note" }, "waiting…");
  addMessage("assistant", thought, text, note);
  return { thought, text, note, tokens: 0, started: null };
}

function grow(answer, delta) {
  const messages = find("messages");
  const follows = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
  answer.thought.textContent += delta.reasoning_content ?? "";
  answer.text.textContent += delta.content ?? "";
  if (follows) messages.scrollTop = messages.scrollHeight;
}

function drawSpeed(answer, usage) {
  const seconds = answer.started === null ? 0 : (performance.now() - answer.started) / 1000;
  const tokens = usage?.completion_tokens ?? answer.tokens;
  const rate = seconds > 0.05 && tokens > 1 ? `, ${((tokens - 1) / seconds).toFixed(1)} per second` : "";
  answer.note.textContent = plural(tokens, "token") + rate;
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
  const body = {
    model: find("model").value, messages: conversation, stream: true, stream_options: { include_usage: true },
  };
  for await (const chunk of events(await answerTo(body, signal))) {
    if (chunk.error) throw new Problem(chunk.error.message);
    const choice = chunk.choices[0];
    if (choice && !("role" in choice.delta)) {
      answer.started ??= performance.now();
      answer.tokens += 1;
      grow(answer, choice.delta);
    }
    if (choice?.finish_reason || chunk.usage || answer.tokens % 8 === 1) drawSpeed(answer, chunk.usage);
  }
}

async function say(text) {
  conversation.push({ role: "user", content: text });
  addMessage("user", text);
  const answer = addAnswer();
  running = new AbortController();
  setRunning(true);
  try {
    await stream(answer, running.signal);
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
  if (!text || !find("model").value || find("send").disabled) return;
  find("prompt").value = "";
  say(text);
});

find("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) find("ask").requestSubmit();
});

find("clear").addEventListener("click", () => {
  running?.abort();
  conversation.length = 0;
  find("messages").replaceChildren();
  find("clear").hidden = true;
  drawHint();
});
