// What is seen. Whatever others said gets in by textContent alone, each piece in a <bdi> of its own.

const MOST = 1000; // lines on the page
const GROUP = 180; // seconds in which one's lines stand under one name

const byId = (id) => document.getElementById(id);
const log = byId("log");
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function when(seconds) {
  const date = new Date(seconds * 1000);
  const element = make("time", "", clock.format(date));
  element.dateTime = date.toISOString();
  element.title = date.toLocaleString();
  return element;
}

function hue(name) {
  let sum = 2166136261; // FNV-1a
  for (const char of name) sum = Math.imul(sum ^ char.codePointAt(0), 16777619) >>> 0;
  return `h${((sum ^ (sum >>> 15)) >>> 0) % 12}`;
}

let group = null; // the last line's {key, time}
let today = "";
let unread = 0;
let room = "chat";

const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
const toEnd = () => (log.scrollTop = log.scrollHeight);
let sticks = true;

export function scrolled() {
  sticks = atEnd();
  if (sticks && !document.hidden) read();
}

export function read() {
  unread = 0;
  byId("newer").hidden = true;
  title();
}

function title() {
  document.title = `${unread ? `(${unread}) ` : ""}#${room} · netkit chat`;
}

function put(item) {
  log.append(item);
  while (log.childElementCount > MOST) log.firstElementChild.remove();
  if (sticks) toEnd();
  return item;
}

function count() {
  if (!document.hidden && sticks) return;
  unread++;
  byId("newer").hidden = sticks;
  byId("newer").textContent = unread === 1 ? "1 new line ↓" : `${unread} new lines ↓`;
  title();
}

function newDay(seconds) {
  const name = day.format(new Date(seconds * 1000));
  if (name === today) return;
  today = name;
  group = null;
  put(make("li", "day", name));
}

const NOTES = {
  join: (entry) => [entry.name, " joined"],
  leave: (entry) => [entry.name, " left"],
  nick: (entry) => [entry.name, " is now ", entry.text],
};

// own: this person said it. me: what he is called, to mark lines that have it.
export function show(entry, { own, me, fresh }) {
  newDay(entry.time);
  if (entry.kind === "say") {
    const item = bubble(entry.text, entry.time, own ? "" : entry.name, own ? "own" : "");
    if (!own && me && entry.text.toLowerCase().includes(me.toLowerCase())) item.classList.add("named");
  } else {
    group = null;
    const item = make("li", entry.kind === "me" ? "me" : `note ${entry.kind}`);
    item.append(when(entry.time));
    if (entry.kind === "me") item.append(make("bdi", "", entry.name), " ", make("bdi", "text", entry.text));
    else if (entry.kind in NOTES) NOTES[entry.kind](entry).forEach((part, place) => item.append(place % 2 ? part : make("bdi", "", part)));
    else item.append(make("bdi", "text", entry.text));
    put(item);
  }
  if (fresh && !own && ["say", "me", "notice"].includes(entry.kind)) count();
}

function bubble(text, seconds, name, kind) {
  const key = `${kind}/${name}`;
  const first = !group || group.key !== key || seconds - group.time > GROUP;
  group = { key, time: seconds };
  const item = make("li", `say ${kind}${first ? " first" : ""} ${hue(name)}`);
  if (!kind) {
    const face = make("span", first ? "face" : "", first ? (name.includes(":") ? "·" : name[0].toUpperCase()) : "");
    face.setAttribute("aria-hidden", "true");
    item.append(face);
  }
  if (first) {
    const head = make("span", "head");
    if (!kind) head.append(make("bdi", "", name));
    head.append(when(seconds));
    item.append(head);
  }
  const box = make("span", "bubble");
  box.title = new Date(seconds * 1000).toLocaleString();
  box.append(make("bdi", "text", text));
  item.append(box);
  return put(item);
}

export function unsent(text, again) {
  group = null;
  const item = bubble(text, Date.now() / 1000, "", "own unsent");
  group = null;
  const button = make("button", "", "not sent: send again");
  button.type = "button";
  button.onclick = () => again() && item.remove();
  item.querySelector(".bubble").append(button);
  toEnd();
}

// The server to this one alone; what comes at once stands in one box.
export function answer(text) {
  const last = log.lastElementChild;
  if (last?.classList.contains("answer") && Date.now() - last.dataset.at < 500) {
    last.firstChild.textContent += `\n${text}`;
  } else {
    const item = make("li", "answer");
    item.dataset.at = Date.now();
    item.title = "Only you see this";
    item.append(make("bdi", "", text));
    put(item);
  }
  group = null;
  if (sticks) toEnd();
}

export function gap(text) {
  group = null;
  put(make("li", "gap", text));
}

export function clear(name) {
  log.replaceChildren();
  group = null;
  today = "";
  sticks = true;
  setRoom(name);
  read();
}

export function setRoom(name) {
  room = name;
  byId("room").textContent = name;
  title();
}

export function state(kind, text) {
  byId("state").dataset.state = kind;
  byId("state-text").textContent = text;
  byId("state-text").title = text;
  byId("retry").hidden = kind !== "waiting" && kind !== "stopped";
  byId("retry").textContent = kind === "stopped" ? "come back" : "now";
  byId("send").disabled = kind !== "open";
}

export function setName(name) {
  byId("my-name").textContent = name.includes(":") ? "your name?" : name;
  byId("me").title = `You are ${name}: change it`;
}

function choice(label, note, run) {
  const item = make("li");
  const button = make("button");
  button.type = "button";
  button.append(make("bdi", "", label), make("span", "", note));
  button.onclick = run;
  item.append(button);
  return item;
}

export function people(names, total, me, run) {
  byId("count").textContent = byId("total").textContent = total;
  const items = names.map((name) => {
    const item = choice(name, "", () => run(name));
    if (name === me) item.firstChild.dataset.me = "";
    return item;
  });
  if (total > names.length) items.push(make("li", "note", `and ${total - names.length} more`));
  keep(byId("names"), items);
}

export function rooms(list, here, run) {
  keep(byId("rooms"), list.map(([name, size]) => {
    const item = choice(name, size, () => run(name));
    if (name === here) item.firstChild.setAttribute("aria-current", "true");
    return item;
  }));
}

// New children, the focus where it was.
function keep(list, items) {
  const place = [...list.children].findIndex((child) => child.contains(document.activeElement));
  list.replaceChildren(...items);
  if (place >= 0) list.children[Math.min(place, items.length - 1)]?.firstChild.focus?.();
}

new ResizeObserver(() => sticks && toEnd()).observe(log);
log.addEventListener("scroll", scrolled, { passive: true });
byId("newer").onclick = () => {
  toEnd();
  read();
};
