// A WebRTC path to a node, made from what the two say of themselves: addresses, passwords, and the fingerprint of the
// certificate that each shows. What the node says came sealed, so the path leads to who has the key's hash.
const GATHER_SECONDS = 2;
const OPEN_SECONDS = 15;
const MOST_CANDIDATES = 24;
const KINDS = ["host", "srflx", "relay"];

// A node's description as a browser wants to be told.
function sessionDescription(path) {
  const fingerprint = path.fingerprint.toUpperCase().match(/../g).join(":");
  const candidates = path.candidates.map((item) =>
    `a=candidate:${item.foundation} 1 udp ${item.priority} ${item.address} ${item.port} typ ${item.kind}` +
    (item.kind === "host" ? "" : " raddr 0.0.0.0 rport 9"));
  return [
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0",
    `a=ice-ufrag:${path.username}`, `a=ice-pwd:${path.password}`, `a=fingerprint:sha-256 ${fingerprint}`,
    "a=setup:actpass", "a=sctp-port:5000", "a=max-message-size:262144", ...candidates, "a=end-of-candidates", "",
  ].join("\r\n");
}

// A browser's description as a node wants to be told. Names that hide addresses of this network are left out: the node
// sees from where it is called.
function pathDescription(sdp) {
  const line = (name) => sdp.match(new RegExp(`^a=${name}:(.*?)\\r?$`, "m"))[1];
  const candidates = [...sdp.matchAll(/^a=candidate:(\S+) 1 udp (\d+) (\S+) (\d+) typ (\S+)/gim)]
    .map(([, foundation, priority, address, port, kind]) =>
      ({ kind, address, port: Number(port), priority: Number(priority), foundation }))
    .filter((item) => KINDS.includes(item.kind) && /^[0-9a-f:.]+$/i.test(item.address) && item.port > 0);
  return {
    fingerprint: line("fingerprint").replace(/^sha-256 /i, "").replaceAll(":", "").toLowerCase(),
    username: line("ice-ufrag"), password: line("ice-pwd"), candidates: candidates.slice(0, MOST_CANDIDATES),
  };
}

class Path {
  constructor(servers) {
    this.connection = new RTCPeerConnection({ iceServers: servers });
    this.channel = this.connection.createDataChannel("exo", { negotiated: true, id: 0 });
    this.channel.binaryType = "arraybuffer";
    this.early = [];
    this.channel.onmessage = (event) => this.early.push(event);
  }

  // Our side, for the node that described its own so.
  async answer(theirs) {
    await this.connection.setRemoteDescription({ type: "offer", sdp: sessionDescription(theirs) });
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    await this.gathered();
    return pathDescription(this.connection.localDescription.sdp);
  }

  gathered() {
    return new Promise((resolve) => {
      const look = () => { if (this.connection.iceGatheringState === "complete") resolve(); };
      this.connection.onicegatheringstatechange = look;
      setTimeout(resolve, GATHER_SECONDS * 1000);
      look();
    });
  }

  opened() {
    const open = new Promise((resolve, reject) => {
      this.channel.onopen = resolve;
      if (this.channel.readyState === "open") resolve();
      this.connection.onconnectionstatechange = () => {
        if (this.connection.connectionState === "failed") reject(new Problem(NO_WAY));
      };
    });
    return within(OPEN_SECONDS, open, NO_WAY);
  }

  close() {
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }
}

const NO_WAY = "Your machine was found, but nothing gets through between here and there. Where a network blocks this, a TURN " +
  "server passes it on: name one above, or start the node with EXO_WEBRTC_TURN.";
