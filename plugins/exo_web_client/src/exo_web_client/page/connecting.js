// From an address and a key to a door that can be asked.
let door = null;

// `tell` is given a few words about what is being done.
async function reach(rendezvous, key, turn, tell, onLost) {
  tell("Going to the rendezvous…");
  const seal = await RoomSeal.of(key);
  const seat = await Seat.take(rendezvous, seal);
  let path = null;
  try {
    tell("Calling your machines…");
    const offer = await seat.call();
    tell("Making a path…");
    path = new Path(iceServers(offer.stun, turn));
    await seat.say({ kind: "answer", call: offer.call, offer: offer.offer, path: await path.answer(offer.path) });
    await path.opened();
    const reached = new Door(path, key, onLost);
    await reached.channel.ready();
    return reached;
  } catch (problem) {
    path?.close();
    throw problem;
  } finally {
    seat.leave();
  }
}

function iceServers(stun, turn) {
  const servers = stun ? [{ urls: stun }] : [];
  if (turn.url) servers.push({ urls: turn.url, username: turn.user, credential: turn.password });
  return servers;
}

function lost(reason) {
  door = null;
  showState("", "Not connected");
  showConnected(false);
  if (reason) showProblem(`${reason} Connect again to go on.`);
}

async function connect() {
  const button = find("connect-button");
  const turn = { url: find("turn").value.trim(), user: find("turn-user").value, password: find("turn-password").value };
  button.disabled = true;
  showProblem("");
  try {
    const rendezvous = find("rendezvous").value.trim();
    door = await reach(rendezvous, find("key").value.trim(), turn, (words) => showState("working", words), lost);
    drawModels((await door.askJson("GET", "/v1/models")).data.map((model) => model.id));
    drawHint();
    showState("open", "Connected");
    showConnected(true);
    find("prompt").focus();
  } catch (problem) {
    door?.close();
    lost("");
    showProblem(problem.message);
  } finally {
    button.disabled = false;
  }
}

find("connect").addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});
find("leave").addEventListener("click", () => door?.close());
addEventListener("pagehide", () => door?.close());
