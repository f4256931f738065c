// What the page shows of the connection.
function showState(kind, text) {
  find("state-dot").className = `dot ${kind}`;
  find("state-text").textContent = text;
}

function showProblem(text) {
  find("problem").hidden = !text;
  find("problem").textContent = text;
}

function showConnected(isConnected) {
  find("connect").hidden = isConnected;
  find("chat").hidden = !isConnected && !conversation.length;
  find("leave").hidden = !isConnected;
  find("send").disabled = !isConnected;
}
