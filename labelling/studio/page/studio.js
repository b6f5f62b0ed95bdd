// The page on which a person plays. The server keeps the clock, the world and the recording; this shows its frames and
// tells it what is held. Every message carries all that is held now, so none can leave a key down for ever.
"use strict";

const KEYS = {
  KeyW: "forward", KeyS: "back", KeyA: "left", KeyD: "right", Space: "jump", ShiftLeft: "sneak", ControlLeft: "sprint",
  KeyR: "sprint", KeyQ: "drop", KeyE: "inventory", KeyF: "swapHands",
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((slot) => [`Digit${slot}`, `hotbar.${slot}`])),
};
const BUTTONS = ["attack", "pickItem", "use"]; // by the browser's numbers
const WHEEL_NOTCH = 120; // in `wheelDelta`, on every system, where `deltaY` differs
const TAKEN_OVER = 4001;
const NAMES = { connecting: "not connected", closed: "not connected", waiting: "wait", playing: "recording", over: "ended" };
const HEADLINES = { connecting: "Connecting…", closed: "Not connected", waiting: "Making a world…", over: "This episode is over" };

const at = (id) => document.getElementById(id);
const canvas = at("world");
const pen = canvas.getContext("2d", { alpha: false });
const lights = [...document.querySelectorAll("[data-key]")];
const down = new Map(); // what is held: the browser's code -> MineRL's name
const mouse = { dx: 0, dy: 0, wheel: 0, scheduled: false };
const arrivals = []; // times of the last frames
let socket = null;
let state = "connecting";
let drawn = 0; // the number of the last frame on the screen
let everPlayed = false;

function say(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function tellInput() {
  const notches = Math.trunc(mouse.wheel / WHEEL_NOTCH);
  say({ held: [...new Set(down.values())], dx: mouse.dx, dy: mouse.dy, wheel: notches, seen: drawn });
  mouse.dx = mouse.dy = 0;
  mouse.wheel -= notches * WHEEL_NOTCH;
}

function releaseAll() {
  down.clear();
  mouse.dx = mouse.dy = mouse.wheel = 0;
  tellInput();
}

const locked = () => document.pointerLockElement === canvas;

// --- what the server says

function connect() {
  socket = new WebSocket(new URL("socket", location.href.replace(/^http/, "ws")));
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => (typeof event.data === "string" ? inTurn(() => showStatus(JSON.parse(event.data))) : showFrame(event.data));
  socket.onclose = (event) => {
    leave();
    if (event.code === TAKEN_OVER) return showState("closed", "This page was opened in another tab.");
    showState("connecting", "The server does not answer. What you played is kept. A new start has a new address.");
    setTimeout(connect, 1000);
  };
}

let before = Promise.resolve();

function inTurn(show) {
  before = before.then(show).catch(console.error); // a picture takes time to be decoded
}

function showFrame(data) {
  const length = new DataView(data).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const picture = createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
  inTurn(async () => draw(await picture, head));
}

function draw(picture, head) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
    document.documentElement.style.setProperty("--aspect", picture.width / picture.height);
  }
  pen.drawImage(picture, 0, 0);
  picture.close();
  drawn = head.frame;
  tellInput();
  showPressed(head.keys, head.camera);
  showRecorded(head.recorded);
  showRate();
}

function showPressed(keys, [pitch, yaw]) {
  for (const light of lights) light.classList.toggle("on", keys.includes(light.dataset.key));
  const length = Math.hypot(pitch, yaw);
  const scale = length ? Math.min(4 + 2 * length, 26) / length : 0;
  at("turn").setAttribute("x2", 33 + yaw * scale);
  at("turn").setAttribute("y2", 62 + pitch * scale);
}

function showRecorded(ticks) {
  at("clock").textContent = minutes(ticks / 20);
  at("finish").disabled = !ticks;
}

function showRate() {
  arrivals.push(performance.now());
  if (arrivals.length > 40) arrivals.shift();
  const rate = (1000 * (arrivals.length - 1)) / (arrivals[arrivals.length - 1] - arrivals[0]);
  at("rate").textContent = state === "playing" && arrivals.length > 20 ? `${rate.toFixed(1)} ticks a second` : "";
}

function showStatus(status) {
  showRecorded(status.recorded);
  showState(status.state, status.message);
  const items = status.recordings.map(({ name, seconds }) => {
    const item = document.createElement("li");
    for (const text of [name, minutes(seconds)]) item.append(Object.assign(document.createElement("span"), { textContent: text }));
    item.firstChild.title = name;
    return item;
  });
  at("recordings").replaceChildren(...items);
  at("total").textContent = items.length ? minutes(status.recordings.reduce((sum, { seconds }) => sum + seconds, 0)) : "";
}

function showState(now, message = "") {
  if (state === "playing" && now !== "playing") leave();
  state = now;
  everPlayed ||= state === "playing";
  if (state !== "playing") {
    arrivals.length = 0;
    at("rate").textContent = "";
    showPressed([], [0, 0]);
  } else if (!locked()) {
    say({ do: "pause" }); // the mouse was let go before the world began
  }
  document.body.className = state;
  at("state").textContent = NAMES[state] ?? (everPlayed ? "paused" : "ready");
  at("headline").textContent = HEADLINES[state] ?? (everPlayed ? "Paused" : "Ready to record");
  at("message").textContent = message;
  at("start").textContent = state === "over" ? "Start in a new world" : everPlayed ? "Go on" : "Start";
  at("start").disabled = at("fresh").disabled = ["connecting", "closed", "waiting"].includes(state);
  if (at("start").disabled) at("finish").disabled = true;
}

function minutes(seconds) {
  const whole = Math.floor(seconds);
  const [hours, rest] = [Math.floor(whole / 3600), whole % 3600];
  const text = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${text.padStart(5, "0")}` : text;
}

// --- what the player does

async function start() {
  at("start").blur();
  try {
    await (canvas.requestPointerLock({ unadjustedMovement: true }) ?? undefined);
  } catch (error) {
    if (error.name !== "NotSupportedError") return refused(error);
    try {
      await canvas.requestPointerLock();
    } catch (again) {
      refused(again);
    }
  }
}

function refused(error) {
  at("message").textContent = `The browser does not hand over the mouse (${error.message}). Try again in a second.`;
}

function leave() {
  if (locked()) document.exitPointerLock();
}

async function fullScreen() {
  if (document.fullscreenElement) return document.exitFullscreen();
  await document.documentElement.requestFullscreen();
  // With these, Ctrl and a key of the game do what the game says. Escape stays the browser's.
  await navigator.keyboard?.lock?.(Object.keys(KEYS));
}

document.addEventListener("pointerlockchange", () => {
  releaseAll();
  if (locked()) say({ do: "start" });
  else if (state === "playing") say({ do: "pause" });
});
document.addEventListener("keydown", (event) => {
  if (!locked()) return;
  if (!/^F\d/.test(event.code)) event.preventDefault(); // F11 and its like stay the browser's
  if (event.repeat || !(event.code in KEYS)) return;
  down.set(event.code, KEYS[event.code]);
  tellInput();
});
document.addEventListener("keyup", (event) => {
  if (locked()) event.preventDefault();
  if (down.delete(event.code)) tellInput();
});
document.addEventListener("mousedown", (event) => {
  if (!locked()) return;
  event.preventDefault();
  if (!(event.button in BUTTONS)) return;
  down.set(event.button, BUTTONS[event.button]);
  tellInput();
});
document.addEventListener("mouseup", (event) => {
  if (locked()) event.preventDefault(); // a button on the side would leave the page
  if (down.delete(event.button)) tellInput();
});
document.addEventListener("mousemove", (event) => {
  if (!locked()) return;
  mouse.dx += event.movementX;
  mouse.dy += event.movementY;
  if (mouse.scheduled) return;
  mouse.scheduled = true; // a mouse may report a thousand times a second
  setTimeout(() => {
    mouse.scheduled = false;
    tellInput();
  }, 5);
});
document.addEventListener("wheel", (event) => {
  if (!locked()) return;
  event.preventDefault();
  mouse.wheel -= event.wheelDeltaY;
  tellInput();
}, { passive: false });
document.addEventListener("contextmenu", (event) => event.preventDefault());
window.addEventListener("blur", () => {
  releaseAll();
  if (locked()) leave();
});
document.addEventListener("visibilitychange", () => document.hidden && leave());
window.addEventListener("beforeunload", (event) => state === "playing" && event.preventDefault());
at("start").addEventListener("click", start);
at("finish").addEventListener("click", () => say({ do: "finish" }));
at("fresh").addEventListener("click", () => say({ do: "new world" }));
at("wide").addEventListener("click", () => fullScreen().catch(console.error));
connect();
