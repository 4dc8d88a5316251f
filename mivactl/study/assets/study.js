"use strict";
/* Asks the questions of one form, keeps clips in step, and hands each answer to the server, or to a file at the end. */

const STUDY = globalThis.MIVACTL_STUDY;
const PLACE = `mivactl-study-${STUDY.id}`;
const RETRY_MS = 1000, SAVE_TIMEOUT_MS = 8000, MAX_TILE_PIXELS = 720, SMALLEST_TILE_PIXELS = 80, GAP_PIXELS = 14;
const part = (name) => document.getElementById(name);
const screens = ["welcome", "question", "done"];

/* What is known of this viewer: a random number, a form, the answers so far. Kept here so that a reload goes on. */
let viewer = null;
let served = false;
let current = null;
let prepared = null;

function remembered() {
  try { return JSON.parse(localStorage.getItem(PLACE)); } catch { return null; }
}
function remember() {
  try { localStorage.setItem(PLACE, JSON.stringify(viewer)); } catch { /* a private window: this visit only */ }
}
function forget() {
  try { localStorage.removeItem(PLACE); } catch { /* nothing was kept */ }
}
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function say(trouble) {
  part("trouble").textContent = trouble ?? "";
  part("trouble").hidden = trouble === null;
}

/* The server's answer to one request, tried until there is one; a web server that knows no studies refuses (404). */
async function ask(path, body) {
  for (;;) {
    try {
      const options = { cache: "no-store", signal: AbortSignal.timeout(SAVE_TIMEOUT_MS) };
      if (body !== undefined) {
        Object.assign(options, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
      }
      const reply = await fetch(path, options);
      if (reply.status < 500) {
        say(null);
        return reply;
      }
    } catch { /* not reached: said below, tried again */ }
    say("The server can not be reached; your answers are safe. Trying again…");
    await pause(RETRY_MS);
  }
}

async function findServer() {
  if (!location.protocol.startsWith("http")) return false;
  const reply = await ask("api/study");
  return reply.ok && (await reply.json().catch(() => ({}))).study === STUDY.id;
}

async function newViewer() {
  if (served) {
    const reply = await ask("api/viewers", {});
    if (!reply.ok) throw new Error((await reply.json()).error);
    return { ...(await reply.json()), answers: {} };
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const number = new URLSearchParams(location.hash.slice(1)).get("viewer");
  const turn = /^\d{1,6}$/.test(number ?? "") ? Number(number) : crypto.getRandomValues(new Uint32Array(1))[0];
  return {
    viewer: [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    form: turn % STUDY.forms.length,
    answers: {},
  };
}

function show(name) {
  for (const screen of screens) part(screen).hidden = screen !== name;
  document.body.dataset.screen = name;
}

function trials() {
  return STUDY.forms[viewer.form];
}

/* The clips of a question, loading. */
function prepare(trial) {
  const tiles = trial.order.map((option, place) => {
    const tile = document.createElement("label");
    tile.className = "tile";
    const choice = Object.assign(document.createElement("input"), { type: "radio", name: "choice", value: String(place) });
    choice.setAttribute("aria-label", `Clip ${place + 1}`);
    const clip = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
    clip.setAttribute("aria-hidden", "true");
    clip.src = `clips/${STUDY.cases[trial.case].clips[option]}.mp4`;
    const badge = Object.assign(document.createElement("b"), { textContent: String(place + 1) });
    badge.setAttribute("aria-hidden", "true");
    tile.append(choice, clip, badge);
    return tile;
  });
  return { trial, tiles, clips: tiles.map((tile) => tile.querySelector("video")), stopped: false, paused: false, started: null };
}

function loaded(clip) {
  return new Promise((resolve, reject) => {
    if (clip.error) return reject(clip.error);
    if (clip.ended || clip.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return resolve();
    clip.addEventListener("canplay", resolve, { once: true });
    clip.addEventListener("error", () => reject(clip.error), { once: true });
    return undefined;
  });
}

function ended(clip) {
  return clip.ended ? undefined : new Promise((resolve) => clip.addEventListener("ended", resolve, { once: true }));
}

/* A telephone that saves power plays nothing by itself: then the button says what to do. */
async function play(question, clip) {
  if (question.paused) return;
  try {
    await clip.play();
  } catch (problem) {
    if (problem.name === "NotAllowedError" && !question.stopped) stopClips(question);
  }
}

/* Once every clip of a question can be shown; what could not be loaded is asked for again. */
async function allLoaded(question) {
  // Some browsers load nothing before they are to play.
  for (const clip of question.clips) play(question, clip);
  for (let failed = false; !question.stopped; failed = true) {
    try {
      await Promise.all(question.clips.map(loaded));
      if (failed) say(null);
      return;
    } catch {
      say("A clip could not be loaded. Trying again…");
      await pause(RETRY_MS);
      for (const clip of question.clips) if (clip.error) clip.load();
    }
  }
}

/* All clips of a question start together, and start again together when the last of them has ended. */
async function playInStep(question) {
  await allLoaded(question);
  while (!question.stopped) {
    for (const clip of question.clips) clip.currentTime = 0;
    await Promise.all(question.clips.map((clip) => play(question, clip)));
    if (question.started === null && !question.stopped) {
      question.started = performance.now();
      part("tiles").classList.remove("waiting");
    }
    await Promise.all(question.clips.map(ended));
  }
}

function stopClips(question) {
  question.paused = true;
  for (const clip of question.clips) clip.pause();
  part("pause").textContent = "Play";
}

function togglePause() {
  if (current === null) return;
  if (!current.paused) return stopClips(current);
  current.paused = false;
  part("pause").textContent = "Pause";
  const first = Math.min(...current.clips.map((clip) => clip.currentTime));
  for (const clip of current.clips) {
    clip.currentTime = first;
    play(current, clip);
  }
  return undefined;
}

/* As many columns as make the clips largest while all of them are in sight. */
function arrange() {
  if (current === null) return;
  const { width, height } = STUDY.cases[current.trial.case];
  const space = part("tiles").parentElement.getBoundingClientRect();
  const room = { width: space.width, height: space.height - part("actions").offsetHeight };
  const count = current.tiles.length;
  let best = { columns: 1, tile: SMALLEST_TILE_PIXELS };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (room.width - GAP_PIXELS * (columns - 1)) / columns;
    const down = ((room.height - GAP_PIXELS * (rows - 1)) / rows) * (width / height);
    const tile = Math.floor(Math.min(across, down, MAX_TILE_PIXELS));
    if (tile > best.tile) best = { columns, tile };
  }
  const style = part("tiles").style;
  style.setProperty("--columns", best.columns);
  style.setProperty("--tile", `${best.tile}px`);
  style.setProperty("--shape", width / height);
}

function progress() {
  const all = trials(), done = all.filter((trial) => trial.name in viewer.answers).length;
  part("progress").setAttribute("aria-valuenow", done);
  part("progress").firstElementChild.style.width = `${(100 * done) / all.length}%`;
  return [done, all.length];
}

function nextQuestion() {
  if (current !== null) {
    current.stopped = true;
    for (const clip of current.clips) clip.removeAttribute("src"), clip.load();
  }
  const left = trials().filter((trial) => !(trial.name in viewer.answers));
  const [done, all] = progress();
  if (left.length === 0) return finish();
  current = prepared?.trial === left[0] ? prepared : prepare(left[0]);
  prepared = left.length > 1 ? prepare(left[1]) : null;
  const { trial } = current;
  part("tiles").replaceChildren(...current.tiles);
  part("tiles").classList.add("waiting");
  part("count").textContent = `Question ${done + 1} of ${all}`;
  part("ask").textContent = trial.ask === undefined ? "Which clip looks best?" : `Are you with us? Please choose clip ${trial.ask}.`;
  part("picture").hidden = !STUDY.cases[trial.case].picture || trial.ask !== undefined;
  if (!part("picture").hidden) part("picture").src = `pictures/${trial.case}.webp`;
  part("choices").reset();
  part("next").disabled = true;
  part("pause").textContent = "Pause";
  show("question");
  arrange();
  part("ask").focus({ preventScroll: true });
  playInStep(current);
  return undefined;
}

function chosen() {
  return new FormData(part("choices")).get("choice");
}

async function submit() {
  const choice = chosen();
  if (choice === null || part("next").disabled || current.started === null) return;
  part("next").disabled = true;
  const { trial } = current;
  const given = {
    choice: choice === "none" ? null : STUDY.cases[trial.case].clips[trial.order[Number(choice)]],
    seconds: Math.min(86400, Math.round(performance.now() - current.started) / 1000),
  };
  if (served && !(await keep(trial, given))) return;
  viewer.answers[trial.name] = given;
  remember();
  nextQuestion();
}

/* Whether the server has the answer now; the first one to a question stands (409). */
async function keep(trial, given) {
  const reply = await ask("api/answers", { viewer: viewer.viewer, trial: trial.name, ...given });
  if (reply.ok || reply.status === 409) return true;
  if (reply.status === 404) forget();
  say(`${(await reply.json()).error}. Load the page again.`);
  return false;
}

function finish() {
  current = prepared = null;
  show("done");
  part("save").hidden = served;
  if (!served) part("kept").textContent = "Your answers are on this device only. Save them as a file, and send it to who asked you.";
  part("done").querySelector("h1").focus({ preventScroll: true });
}

function saveFile() {
  const answers = Object.entries(viewer.answers).map(([trial, given]) =>
    given.choice === null ? { trial, seconds: given.seconds } : { trial, ...given });
  const document_ = { schema: "mivactl.study-answers/1", study: STUDY.id, viewers: [{ viewer: viewer.viewer, form: viewer.form, answers }] };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(document_, null, 2)}\n`], { type: "application/json" }));
  link.download = `answers-${viewer.viewer.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function onKey(event) {
  if (current === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const place = "123456789".indexOf(event.key);
  const wanted = event.key === "0" ? "none" : place >= 0 && place < current.tiles.length ? String(place) : null;
  if (wanted !== null) {
    const box = part("choices").querySelector(`input[value="${wanted}"]`);
    box.checked = true;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  } else if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    submit();
  } else if (event.key.toLowerCase() === "p") {
    togglePause();
  }
}

async function start() {
  part("start").disabled = true;
  try {
    viewer ??= await newViewer();
  } catch (problem) {
    say(problem.message);
    return;
  }
  remember();
  nextQuestion();
}

async function begin() {
  part("start").addEventListener("click", start);
  part("choices").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  part("choices").addEventListener("change", () => { part("next").disabled = chosen() === null; });
  part("pause").addEventListener("click", togglePause);
  part("save").addEventListener("click", saveFile);
  part("again").addEventListener("click", () => { forget(); location.reload(); });
  addEventListener("keydown", onKey);
  addEventListener("resize", arrange);
  part("start").disabled = true;
  served = await findServer();
  part("start").disabled = false;
  viewer = remembered();
  if (viewer === null) return;
  const [done, all] = progress();
  if (done === all) return finish();
  part("start").textContent = "Go on";
  part("resumed").hidden = false;
  part("resumed").textContent = `You have answered ${done} of ${all} questions.`;
}

begin();
