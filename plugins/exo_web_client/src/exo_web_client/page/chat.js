// The conversation on this page: how models are asked over the channel, and where the page begins.
function hint(models) {
  return models ? "Ask something." : "No model is known there. On a machine, type: exo models add MODEL";
}

async function answerTo(body, signal) {
  const asked = await door.ask("POST", "/v1/chat/completions", body, signal);
  if (asked.status !== 200) throw new Problem(errorIn(await asked.answer.text(), asked.status));
  return asked.answer.pieces();
}

if (location.protocol.startsWith("http")) {
  find("rendezvous").value = location.origin + location.pathname.replace(/\/$/, "");
  find("whose").hidden = false;
}
find(find("rendezvous").value ? "key" : "rendezvous").focus();
