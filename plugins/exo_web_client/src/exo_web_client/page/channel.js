// Whole messages over a data channel, both ways, as exo's nodes speak it among themselves ("exo-webrtc/1"): fragments,
// credit for what was taken in, a beat when nothing else is said, and a goodbye.
const MORE = 0, LAST = 1, CREDIT = 2, BEAT = 3, GOODBYE = 4, WELCOME = 5;
const FRAGMENT_BYTES = 14 * 1160;
const GREETING = new Uint8Array([WELCOME, ...bytesOf("exo-webrtc/1")]);
const WINDOW_BYTES = 16 * FRAGMENT_BYTES;
const BUFFERED_BYTES = 2 * FRAGMENT_BYTES;
const BEAT_MS = 1000;
const SILENT_MS = 8000;
const WELCOME_SECONDS = 8;

function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

class Channel {
  // `onMessage` gets each message; `onLost` is called once, with a reason for people.
  constructor(path, onMessage, onLost) {
    this.path = path;
    this.onMessage = onMessage;
    this.onLost = onLost;
    this.lost = false;
    this.waiting = [];
    this.pieces = [];
    this.sent = this.credited = this.taken = this.told = 0;
    this.heardAt = this.spokeAt = performance.now();
    this.welcome = new Promise((resolve) => { this.welcomed = resolve; });
    path.channel.bufferedAmountLowThreshold = BUFFERED_BYTES / 2;
    path.channel.onbufferedamountlow = () => this.pump();
    path.channel.onclose = () => this.end("The connection ended.");
    path.connection.onconnectionstatechange = () => {
      if (["failed", "closed"].includes(path.connection.connectionState)) this.end("The connection was lost.");
    };
    this.watching = setInterval(() => this.watch(), BEAT_MS);
    this.say(GREETING);
    path.channel.onmessage = (event) => this.take(event);
    path.early.splice(0).forEach((event) => this.take(event));
  }

  ready() {
    return within(WELCOME_SECONDS, this.welcome, "The node speaks another protocol than this page: update the older of the two.");
  }

  send(message) {
    const room = FRAGMENT_BYTES - 1;
    for (let at = 0; at === 0 || at < message.length; at += room) {
      const isLast = at + room >= message.length;
      this.waiting.push(joined([new Uint8Array([isLast ? LAST : MORE]), message.subarray(at, at + room)]));
    }
    this.pump();
  }

  close() {
    if (!this.lost) this.say(new Uint8Array([GOODBYE]));
    this.end("");
  }

  pump() {
    while (this.waiting.length && this.sent - this.credited < WINDOW_BYTES && this.path.channel.bufferedAmount < BUFFERED_BYTES) {
      const fragment = this.waiting.shift();
      this.sent += fragment.length;
      this.say(fragment);
    }
  }

  say(fragment) {
    this.spokeAt = performance.now();
    if (this.path.channel.readyState === "open") this.path.channel.send(fragment);
  }

  take(event) {
    if (!(event.data instanceof ArrayBuffer) || !event.data.byteLength) return;
    const fragment = new Uint8Array(event.data);
    this.heardAt = performance.now();
    switch (fragment[0]) {
      case MORE: case LAST: this.takeData(fragment); break;
      case CREDIT: this.credited = Number(new DataView(event.data).getBigUint64(1)); this.pump(); break;
      case GOODBYE: this.say(fragment); this.end("The node closed the connection."); break;
      case WELCOME: if (fragment.join() === GREETING.join()) this.welcomed(); break;
      default: break;
    }
    // Timers of a page that nobody looks at are slow; the node says something every second.
    if (performance.now() - this.spokeAt >= BEAT_MS) this.say(new Uint8Array([BEAT]));
  }

  takeData(fragment) {
    this.taken += fragment.length;
    this.pieces.push(fragment.subarray(1));
    if (fragment[0] === LAST) this.onMessage(joined(this.pieces.splice(0)));
    if (this.taken - this.told >= FRAGMENT_BYTES) {
      this.told = this.taken;
      const credit = new Uint8Array(9);
      credit[0] = CREDIT;
      new DataView(credit.buffer).setBigUint64(1, BigInt(this.taken));
      this.say(credit);
    }
  }

  watch() {
    if (performance.now() - this.heardAt > SILENT_MS) this.end("Nothing has come from your machine for a while.");
  }

  end(reason) {
    if (this.lost) return;
    this.lost = true;
    clearInterval(this.watching);
    this.path.channel.onclose = null;
    setTimeout(() => this.path.close(), reason ? 0 : 100); // the goodbye goes out first
    this.onLost(reason);
  }
}
