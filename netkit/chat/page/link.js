// The connection: it comes back by itself, 1 to 30 seconds apart, and finds out when the other end is gone.

const FIRST = 1000, LONGEST = 30000; // milliseconds between two attempts
const ASK = 20000, PATIENCE = 8000; // how often the server is asked for a sign of life, and how long it has for it

// Ends that are meant: coming back is up to the person. (RFC 6455, 7.4; the 4000s are the server's own.)
const FINAL = new Set([1000, 4001, 4003, 4004, 4005]);

export class Link {
  // hello(): what to say first. onMessage(message). onState(state, text): connecting, open, waiting, stopped.
  constructor(url, { hello, onMessage, onState }) {
    Object.assign(this, { url, hello, onMessage, onState });
    this.open = false;
    this.attempts = 0;
    setInterval(() => this.probe(PATIENCE), ASK);
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.probe(3000)); // a server on this machine is there all the same
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) {
        this.hurry();
        this.probe(3000);
      }
    });
  }

  connect() {
    clearTimeout(this.timer);
    clearInterval(this.clock);
    this.waiting = this.stopped = false;
    this.onState("connecting", this.attempts ? "connecting again" : "connecting");
    this.socket?.close();
    const socket = (this.socket = new WebSocket(this.url));
    const current = (run) => (event) => this.socket === socket && run(event);
    socket.onopen = current(() => this.send(this.hello(), true));
    socket.onmessage = current((event) => this.heard(event));
    socket.onclose = current((event) => this.closed(event.code, event.reason));
    this.watch(socket, PATIENCE + 7000); // an attempt that nobody answers
  }

  heard(event) {
    clearTimeout(this.watchdog);
    this.watchdog = 0;
    const message = JSON.parse(event.data);
    if (message.type === "welcome") {
      this.open = true;
      this.attempts = 0;
      this.onState("open", "connected");
    }
    this.onMessage(message);
  }

  send(message, first = false) {
    if (!(this.open || first) || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  probe(patience) {
    if (this.send({ type: "who" })) this.watch(this.socket, patience);
  }

  watch(socket, patience) {
    if (this.watchdog) return;
    this.watchdog = setTimeout(() => {
      this.watchdog = 0;
      if (this.socket !== socket) return;
      this.socket = null; // its close event may take minutes
      socket.close();
      this.closed(1006, "");
    }, patience);
  }

  closed(code, reason) {
    this.open = false;
    clearTimeout(this.watchdog);
    this.watchdog = 0;
    if (FINAL.has(code)) {
      this.stopped = true;
      this.onState("stopped", reason || "ended", code);
      return;
    }
    const slow = Math.min(LONGEST, FIRST * 2 ** this.attempts++);
    const due = Date.now() + slow * (0.75 + Math.random() / 2); // so that not all come back at once
    this.waiting = true;
    const show = () => {
      const seconds = Math.max(1, Math.round((due - Date.now()) / 1000));
      this.onState("waiting", `${reason || "no connection"}: again in ${seconds} s`);
    };
    show();
    this.clock = setInterval(show, 1000);
    this.timer = setTimeout(() => this.connect(), due - Date.now());
  }

  hurry() {
    if (this.waiting) this.connect();
  }
}
