// The link to the server: one socket, opened with a fresh ticket, opened again whenever it breaks: on the next node, if
// there are several.

const VERSION = 1;
const SILENCE_MS = 12000; // the server pings every 5 s
const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 5000;
const NEXT_NODE_MS = 400; // to the first try of another node: its agents come from one that has just failed
const TICKET_MS = 8000;
const SIGNED_OUT = 4401, TICKET_REFUSED = 4403, CROWDED = 4409, OTHER_VERSION = 4426;

export class Link {
  /** `tell(message)` hears every message, `standing("live" | "away")` how the link stands, `crowded()` that it stays shut.
   *  `nodes` are the origins of the desktop on every node. */
  constructor({ tell, standing, crowded, nodes }) {
    this.nodes = [...new Set([location.origin, ...nodes])];
    this.tell = tell;
    this.standing = standing;
    this.crowded = crowded;
    this.socket = null;
    this.tries = 0;
    this.timer = null;
    this.heard = 0;
    setInterval(() => this.#listenForSilence(), 1000);
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => this.#hurry());
  }

  /** The origin of the node that is linked, or tried. */
  get node() {
    return this.nodes[0];
  }

  async open() {
    clearTimeout(this.timer);
    this.timer = null;
    this.tries += 1;
    try {
      const answer = await fetch(`${this.node}/ticket`, { method: "POST", credentials: "include", signal: AbortSignal.timeout(TICKET_MS) });
      if (answer.status === 401) return this.#signIn();
      if (!answer.ok) throw new Error(`/ticket answered ${answer.status}`);
      this.#connect((await answer.json()).ticket);
    } catch {
      this.#again();
    }
  }

  /** Send a message; false when the link is down. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ v: VERSION, ...message }));
    return true;
  }

  #connect(ticket) {
    const socket = new WebSocket(`${this.node.replace("http", "ws")}/socket`);
    this.socket = socket;
    this.heard = performance.now();
    socket.onopen = () => this.send({ type: "hello", ticket });
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.heard = performance.now();
      const message = JSON.parse(event.data);
      if (message.type === "ping") this.send({ type: "alive" });
      if (message.type === "state") {
        this.tries = 0;
        this.standing("live");
      }
      this.tell(message);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.#closed(event.code);
    };
  }

  #closed(code) {
    this.socket = null;
    if (code === SIGNED_OUT) this.#signIn();
    else if (code === OTHER_VERSION) location.replace(`${this.node}/`);
    else if (code === CROWDED) {
      this.standing("away");
      this.crowded();
    } else this.#again(code === TICKET_REFUSED);
  }

  /** Try again, the next node: soon at first, then more slowly, never at the same moment as all the other desktops. */
  #again(slowly = false) {
    this.standing("away");
    const rounds = Math.floor(Math.max(0, this.tries - 1) / this.nodes.length);
    this.nodes.push(this.nodes.shift());
    const first = this.nodes.length > 1 && this.tries < this.nodes.length ? NEXT_NODE_MS : FIRST_WAIT_MS;
    const longest = Math.min(LONGEST_WAIT_MS, first * 2 ** (rounds + (slowly ? 1 : 0)));
    this.timer = setTimeout(() => this.open(), Math.random() * longest);
  }

  #hurry() {
    if (this.timer !== null && document.visibilityState === "visible") this.open();
  }

  #listenForSilence() {
    if (this.socket === null || performance.now() - this.heard < SILENCE_MS) return;
    const silent = this.socket;
    this.socket = null;
    silent.close();
    this.#again();
  }

  #signIn() {
    location.replace(`${this.node}/sign-in`);
  }
}
