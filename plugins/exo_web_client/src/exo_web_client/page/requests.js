// Requests as in HTTP over a channel, answered piece by piece. The key is sent with each, inside the encrypted channel.
const LARGEST_MESSAGE_BYTES = 5 * 2 ** 20;

class Answer {
  constructor() {
    this.texts = [];
    this.over = false;
    this.problem = "";
    this.wake = () => {};
    this.started = new Promise((resolve, reject) => {
      this.start = resolve;
      this.fail = reject;
    });
    this.started.catch(() => {});
  }

  add(text) {
    this.texts.push(text);
    this.wake();
  }

  end(problem) {
    this.over = true;
    this.problem = problem;
    this.fail(new Problem(problem || "The answer had no beginning."));
    this.wake();
  }

  async* pieces() {
    for (;;) {
      while (this.texts.length) yield this.texts.shift();
      if (this.problem) throw new Problem(this.problem);
      if (this.over) return;
      await new Promise((resolve) => { this.wake = resolve; });
    }
  }

  async text() {
    let whole = "";
    for await (const piece of this.pieces()) whole += piece;
    return whole;
  }
}

class Door {
  // `onLost` is called with a reason for people when the node is not reached any more.
  constructor(path, key, onLost) {
    this.key = key;
    this.next = 1;
    this.answers = new Map();
    this.channel = new Channel(path, (message) => this.take(message), (reason) => this.lose(reason, onLost));
  }

  // Status, headers and pieces of an answer; `body` is sent as JSON. Aborted by `signal`, nobody waits for the rest.
  async ask(method, path, body, signal) {
    if (this.channel.lost) throw new Problem("Not connected.");
    const number = this.next++;
    const answer = new Answer();
    const abort = () => {
      this.answers.delete(number);
      this.say({ kind: "cancel", number });
      answer.end("stopped");
    };
    signal?.addEventListener("abort", abort, { once: true });
    const headers = { "authorization": `Bearer ${this.key}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    this.say({ kind: "request", number, method, path, headers, body: body === undefined ? "" : JSON.stringify(body) });
    this.answers.set(number, answer);
    return { ...await answer.started, answer };
  }

  async askJson(method, path, body, signal) {
    const { status, answer } = await this.ask(method, path, body, signal);
    const text = await answer.text();
    if (status >= 400) throw new Problem(errorIn(text, status));
    return JSON.parse(text);
  }

  say(message) {
    const bytes = bytesOf(JSON.stringify(message));
    if (bytes.length > LARGEST_MESSAGE_BYTES) throw new Problem("This is more than can be sent at once.");
    this.channel.send(bytes);
  }

  take(message) {
    const said = JSON.parse(new TextDecoder().decode(message));
    const answer = this.answers.get(said.number);
    if (!answer) return;
    if (said.kind === "start") answer.start({ status: said.status, headers: said.headers });
    else if (said.kind === "text") answer.add(said.text);
    else if (said.kind === "end") {
      this.answers.delete(said.number);
      answer.end(said.problem);
    }
  }

  lose(reason, onLost) {
    for (const answer of this.answers.values()) answer.end(reason || "Disconnected.");
    this.answers.clear();
    onLost(reason);
  }

  close() {
    this.channel.close();
  }
}
