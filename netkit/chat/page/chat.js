// What the page knows, what it hears from the server, and what it says. It is kept for this tab: a reload goes on.

import { Link } from "./link.js";
import * as view from "./view.js";

const KEY = `netkit-chat ${location.pathname}`;
const KEPT = 300; // lines that are there again after a reload
const LAST = 50; // lines that a newcomer asks for
const GAPS = {
  history: "Lines are missing here: more was said than the server keeps.",
  room: "Lines may be missing here: the room was empty meanwhile, and began anew.",
  epoch: "Lines may be missing here: the server began anew.",
};

const byId = (id) => document.getElementById(id);
const text = byId("text");
const my = {
  epoch: "", seq: 0, noticed: 0, room: "", session: "", nick: "", own: [], boots: {}, ignores: [], lines: [], draft: "", sent: [],
  ...saved(),
};
let name = "", me = "", password = "";
let names = new Set(), total = 0, places = [];
let asked = 0, late = []; // pages of missed lines that still come, and what is said meanwhile
let numbers = Date.now(), oldest = 0; // of what is sent; the last before this connection
const typed = []; // for the arrow up
let back = 0;

function saved() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function save() {
  my.draft = text.value;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(my));
  } catch {
    // full, or forbidden: then a reload begins anew
  }
}

const isOwn = (entry) => my.own.includes(`${entry.node}/${entry.id}`);
const ignored = (entry) => ["say", "me"].includes(entry.kind) && my.ignores.includes(entry.name.toLowerCase());

// Entries.

function add(entry, fresh) {
  if (entry.seq ? entry.seq <= my.seq : entry.time <= my.noticed) return; // it is there already
  if (entry.seq) my.seq = entry.seq;
  else my.noticed = entry.time;
  const own = isOwn(entry);
  if (own && entry.kind === "say") arrived(entry.text);
  if (own && entry.kind === "nick" && `${entry.node}/${entry.id}` === me) rename(entry.text);
  if (ignored(entry)) return;
  my.lines.push(entry);
  if (my.lines.length > KEPT) my.lines.splice(0, my.lines.length - KEPT);
  view.show(entry, { own, me: name.includes(":") ? "" : name, fresh });
}

function move(entry) {
  if (entry.kind === "join" && !names.has(entry.name)) names.add(entry.name), total++;
  if (entry.kind === "leave" && names.delete(entry.name)) total--;
  if (entry.kind === "nick" && names.delete(entry.name)) names.add(entry.text);
}

function live(entries) {
  for (const entry of entries) {
    add(entry, true);
    move(entry);
  }
  if (entries.some((entry) => ["join", "leave", "nick"].includes(entry.kind))) people();
}

function people() {
  view.people([...names].sort(), total, name, (one) => {
    panel(false);
    text.value = `/msg ${one} `;
    text.focus();
  });
  view.rooms(places.map(([room, size]) => [room, room === my.room ? total : size]), my.room, (room) => {
    panel(false);
    say(`/join ${room}`);
  });
}

function rename(to) {
  name = to;
  if (!to.includes(":")) my.nick = to;
  view.setName(to);
}

// What the server says.

const heard = {
  welcome(message) {
    const { node, boot } = message;
    if (my.boots[node] !== boot) my.own = my.own.filter((one) => !one.startsWith(`${node}/`)); // its numbers begin anew
    my.boots[node] = boot;
    if (my.epoch && my.epoch !== message.epoch) my.seq = 0;
    if (my.room && my.room !== message.room) begin(message.room);
    me = `${message.node}/${message.id}`;
    my.own = [...my.own, me].slice(-50);
    Object.assign(my, { epoch: message.epoch, session: message.session, room: message.room });
    asked = 1;
    late = [];
    oldest = numbers;
    rename(message.name);
    view.setRoom(message.room);
    if (byId("password-dialog").open) byId("password-dialog").close();
  },
  entries(message) {
    if (message.upto === undefined) {
      if (!asked) live(message.entries);
      else if (late.length < 5000) late.push(...message.entries);
      return;
    }
    const returning = my.lines.length > 0;
    if (message.gap) view.gap(GAPS[message.gap] ?? GAPS.history);
    for (const entry of message.entries) add(entry, returning);
    my.seq = Math.max(my.seq, message.upto);
    asked = Math.max(0, asked - 1);
    if (message.more) ask();
    if (asked) return;
    live(late.splice(0));
    lost();
  },
  who(message) {
    if (message.room !== my.room) return;
    names = new Set(message.names);
    total = message.count;
    places = message.rooms;
    people();
  },
  room: (message) => begin(message.room),
  ignores: (message) => (my.ignores = message.names),
  notice: (message) => view.answer(message.text),
  taken: (message) => (my.sent = my.sent.filter((one) => one.n !== message.n)),
  skipped: () => ask(),
  password(message) {
    byId("password-word").textContent = message.text || "This chat has a password.";
    if (!byId("password-dialog").open) byId("password-dialog").showModal();
  },
};

function ask() {
  if (link.send({ type: "since", seq: my.seq })) asked++;
}

function begin(room) {
  Object.assign(my, { room, seq: 0, lines: [] });
  asked = 1;
  late = [];
  view.clear(room);
}

const link = new Link(new URL("ws", location.href.replace(/^http/, "ws")).href, {
  hello: () => ({
    type: "hello", session: my.session, nick: my.nick, room: my.room, epoch: my.epoch, seq: my.seq,
    last: LAST, ignores: my.ignores, password,
  }),
  onMessage: (message) => heard[message.type]?.(message),
  onState(state, words, code) {
    view.state(state, words);
    if (code === 4004) {
      password = "";
      heard.password({ text: words });
    }
  },
});

// What the person says.

function say(line) {
  const parts = [];
  let part = [];
  for (const one of line.split(/\r\n|\n|\r/)) {
    if (part.length === 50 || (part.length && part.join("\n").length + one.length > 15000)) {
      parts.push(part);
      part = [];
    }
    for (let at = 0; at < one.length; at += 15000) part.push(one.slice(at, at + 15000));
  }
  parts.push(part);
  let sent = false;
  for (const lines of parts) {
    if (!lines.length) continue;
    const n = ++numbers;
    if (!link.send({ type: "say", text: lines.join("\n"), n })) break;
    my.sent.push({ n, lines });
    sent = true;
  }
  return sent;
}

// An own line came back: it was sent, even where the connection ended before the server said so.
function arrived(line) {
  for (const one of my.sent) {
    const place = one.lines.findIndex((each) => each === line || each === `/${line}`);
    if (place < 0) continue;
    one.lines.splice(place, 1);
    my.sent = my.sent.filter((each) => each.lines.length);
    return;
  }
}

// Back again: what was neither confirmed nor came back was not sent.
function lost() {
  const before = my.sent.filter((one) => one.n <= oldest);
  my.sent = my.sent.filter((one) => one.n > oldest);
  for (const one of before) view.unsent(one.lines.join("\n"), () => say(one.lines.join("\n")));
  oldest = 0;
}

function grow() {
  text.rows = 1;
  while (text.rows < 6 && text.scrollHeight > text.clientHeight + 4) text.rows++;
}

byId("composer").onsubmit = (event) => {
  event.preventDefault();
  const line = text.value;
  if (!line.trim() || !say(line)) return; // it stays where it is
  if (typed.at(-1) !== line) typed.push(line);
  back = 0;
  text.value = "";
  grow();
  text.focus();
};
text.oninput = grow;
text.onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    byId("composer").requestSubmit();
  } else if (event.key === "ArrowUp" && (!text.value || text.value === typed.at(-back)) && back < typed.length) {
    event.preventDefault();
    text.value = typed.at(-++back);
    grow();
  } else if (event.key === "ArrowDown" && back && text.value === typed.at(-back)) {
    event.preventDefault();
    text.value = --back ? typed.at(-back) : "";
    grow();
  }
};

function panel(open) {
  byId("side").classList.toggle("open", open);
  byId("people").setAttribute("aria-expanded", String(open));
  if (open) {
    link.send({ type: "who" });
    byId("close").focus();
  }
}
byId("people").onclick = () => panel(!byId("side").classList.contains("open"));
byId("close").onclick = () => {
  panel(false);
  byId("people").focus();
};
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && byId("side").classList.contains("open")) {
    panel(false);
    byId("people").focus();
  }
});
document.querySelector("main").addEventListener("click", () => panel(false));
byId("join").onsubmit = (event) => {
  event.preventDefault();
  if (byId("join-name").value && say(`/join ${byId("join-name").value}`)) {
    byId("join-name").value = "";
    panel(false);
  }
};
byId("me").onclick = () => {
  byId("name").value = my.nick;
  byId("name-dialog").showModal();
};
byId("name-dialog").querySelector("[data-close]").onclick = () => byId("name-dialog").close();
byId("name-dialog").querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  byId("name-dialog").close();
  say(`/nick ${byId("name").value}`);
  text.focus();
};
byId("password-dialog").addEventListener("cancel", (event) => event.preventDefault());
byId("password-dialog").querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  password = byId("password").value;
  byId("password").value = "";
  if (!link.send(link.hello(), true)) link.connect();
};
byId("retry").onclick = () => link.connect();
document.addEventListener("visibilitychange", () => (document.hidden ? save() : view.scrolled()));
addEventListener("pagehide", save);

// Begin, or go on.

for (const entry of my.lines) view.show(entry, { own: isOwn(entry), me: my.nick, fresh: false });
if (my.room) view.setRoom(my.room);
text.value = my.draft;
grow();
if (matchMedia("(pointer: fine)").matches) text.focus();
link.connect();
