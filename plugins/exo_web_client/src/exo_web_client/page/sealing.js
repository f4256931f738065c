// In which room of a rendezvous a key's holders meet, and how they seal what they say there.
// The same as exo_web_client.sealing: both follow from the SHA-256 of the key, by HKDF-SHA256.
const NONCE_BYTES = 12;
const CONTEXT = bytesOf("exo/1 rendezvous");
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

function bytesOf(text) {
  return new TextEncoder().encode(text);
}

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{5}/g).map((five) => BASE32[parseInt(five, 2)]).join("");
}

async function derived(digest, label, length) {
  const key = await crypto.subtle.importKey("raw", digest, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytesOf(`exo/1 ${label}`) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * length));
}

class RoomSeal {
  constructor(room, cipher) {
    this.room = room;
    this.cipher = cipher;
  }

  static async of(key) {
    if (!crypto.subtle) {
      throw new Problem("This browser encrypts only on pages that came by https, or from a file. Save this page, or make " +
        "it by: exo web-client > exo.html. Then open the file.");
    }
    const digest = await crypto.subtle.digest("SHA-256", bytesOf(key));
    const secret = await derived(digest, "browser seal", 32);
    const cipher = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
    return new RoomSeal(base32(await derived(digest, "browser room", 20)), cipher);
  }

  async seal(said) {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const how = { name: "AES-GCM", iv: nonce, additionalData: CONTEXT };
    const sealed = await crypto.subtle.encrypt(how, this.cipher, bytesOf(JSON.stringify(said)));
    return new Uint8Array([...nonce, ...new Uint8Array(sealed)]);
  }

  // What was said, or null when nobody of this room sealed it.
  async open(sealed) {
    const how = { name: "AES-GCM", iv: sealed.slice(0, NONCE_BYTES), additionalData: CONTEXT };
    try {
      const opened = await crypto.subtle.decrypt(how, this.cipher, sealed.slice(NONCE_BYTES));
      return JSON.parse(new TextDecoder().decode(opened));
    } catch {
      return null;
    }
  }
}
