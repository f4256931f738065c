// A seat in a key's room at a rendezvous: what is said there reaches every node that has the key.
const SEAT_SECONDS = 5;
const OFFER_SECONDS = 5;
const CALLS = 2; // a node may have been on its way to its seat when it was called first

function number() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function roomAddress(rendezvous, room) {
  let url;
  try {
    url = new URL(rendezvous);
  } catch {
    throw new Problem("The rendezvous is no address: write https://HOST:PORT");
  }
  if (!["http:", "https:", "ws:", "wss:"].includes(url.protocol)) {
    throw new Problem("The rendezvous is no address: write https://HOST:PORT");
  }
  url.protocol = url.protocol.replace("http", "ws");
  return `${url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin}${url.pathname.replace(/\/$/, "")}/exo/1/${room}`;
}

class Seat {
  constructor(socket, seal) {
    this.socket = socket;
    this.seal = seal;
    this.heard = () => {};
    socket.onmessage = async (event) => {
      const said = await seal.open(new Uint8Array(event.data));
      if (said) this.heard(said);
    };
  }

  static async take(rendezvous, seal) {
    const socket = new WebSocket(roomAddress(rendezvous, seal.room));
    socket.binaryType = "arraybuffer";
    const unreachable = `The rendezvous ${rendezvous} does not answer. Is that its address?`;
    try {
      await within(SEAT_SECONDS, new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onclose = (event) => reject(new Problem(event.reason ? `The rendezvous says: ${event.reason}` : unreachable));
      }), unreachable);
    } catch (problem) {
      socket.close();
      throw problem;
    }
    return new Seat(socket, seal);
  }

  async say(said) {
    this.socket.send(await this.seal.seal(said));
  }

  // Calls; the first offer. What else is said here is for others, late, or said again.
  call() {
    const numbers = [];
    const again = () => {
      numbers.push(number());
      this.say({ kind: "call", call: numbers.at(-1) });
      if (numbers.length < CALLS) timer = setTimeout(again, OFFER_SECONDS * 1000 / CALLS);
    };
    const offered = new Promise((resolve, reject) => {
      this.heard = (said) => { if (said.kind === "offer" && numbers.includes(said.call)) resolve(said); };
      this.socket.onclose = (event) => reject(new Problem(`The rendezvous hung up${event.reason ? `: ${event.reason}` : "."}`));
    });
    let timer = setTimeout(again);
    return within(OFFER_SECONDS, offered.finally(() => clearTimeout(timer)), "None of your machines answered. Either this key is wrong or was revoked, or no node " +
      "waits at this rendezvous: start one with EXO_WEBRTC_RENDEZVOUS set to its address.");
  }

  leave() {
    this.socket.onclose = null;
    this.socket.close();
  }
}
