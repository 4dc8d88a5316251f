/* The gallery of a registry: previews that move while they are looked at, commands to copy, and the search.
   Text of the registry reaches the page as text or as the value of an attribute, never as markup. */
"use strict";

{
  const CARDS_A_STEP = 48;
  const stillness = matchMedia("(prefers-reduced-motion: reduce)");

  /* Previews: they move under the pointer and where the focus is, or when their button is pressed. */

  const clipOf = (preview) => preview.querySelector("video, .clip");

  function start(preview) {
    if (!preview.dataset.clip || preview.classList.contains("moving")) return;
    preview.classList.add("moving");
    let clip = clipOf(preview);
    if (!clip) {
      const isVideo = preview.dataset.clip.endsWith(".mp4");
      clip = document.createElement(isVideo ? "video" : "img");
      clip.className = "clip";
      if (isVideo) Object.assign(clip, {muted: true, loop: true, playsInline: true});
      else clip.alt = "";
      clip.src = preview.dataset.clip;
      preview.firstElementChild.append(clip);
    }
    if (clip.play) clip.play().catch(() => {});
    label(preview);
  }

  function stop(preview) {
    if (!preview.classList.contains("moving")) return;
    preview.classList.remove("moving");
    const clip = clipOf(preview);
    if (clip.classList.contains("still")) clip.pause();
    else clip.remove();
    label(preview);
  }

  function label(preview) {
    const button = preview.querySelector(".play");
    const action = preview.classList.contains("moving") ? "Pause" : "Play";
    button.setAttribute("aria-label", `${action} the preview of ${button.dataset.title}`);
  }

  const HOLDER = ".card, .stage";
  const holderOf = (event) => event.target.closest?.(HOLDER);
  const previewIn = (holder) => holder.querySelector(".preview");
  const isLeft = (event, holder) => !holder.contains(event.relatedTarget);

  function look(event) {
    const holder = holderOf(event);
    if (holder && isLeft(event, holder) && !stillness.matches) start(previewIn(holder));
  }

  function lookAway(event) {
    const holder = holderOf(event);
    if (!holder || !isLeft(event, holder)) return;
    if (!holder.matches(":hover") && !holder.contains(event.relatedTarget)) stop(previewIn(holder));
  }

  document.addEventListener("pointerover", (event) => { if (event.pointerType !== "touch") look(event); });
  document.addEventListener("pointerout", (event) => {
    const holder = holderOf(event);
    if (holder && isLeft(event, holder) && !holder.contains(document.activeElement)) stop(previewIn(holder));
  });
  /* A finger that presses a button gives it the focus first: only focus that came by keyboard starts a clip. */
  document.addEventListener("focusin", (event) => { if (event.target.matches(":focus-visible")) look(event); });
  document.addEventListener("focusout", lookAway);

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".play, .copy");
    if (!button) return;
    if (button.matches(".copy")) copy(button);
    else {
      const preview = button.closest(".preview");
      if (preview.classList.contains("moving")) stop(preview);
      else start(preview);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(".preview.moving").forEach(stop);
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && form) {
      event.preventDefault();
      form.q.focus();
    }
  });

  /* Commands. */

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    const done = await copied(code);
    button.textContent = done ? "Copied" : "Ctrl+C";
    button.classList.toggle("done", done);
    announce(done ? `Copied: ${code.textContent}` : "The command is selected: press Ctrl+C");
    setTimeout(() => {
      button.textContent = "Copy";
      button.classList.remove("done");
    }, 2000);
  }

  async function copied(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      // Without TLS there is no clipboard to write to, only the command to copy what is selected.
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  }

  const voice = document.createElement("p");
  voice.className = "voice";
  voice.setAttribute("aria-live", "polite");
  document.body.append(voice);

  function announce(text) {
    voice.textContent = text;
  }

  /* Search. The catalogue is fetched when it is first needed. */

  const form = document.querySelector("#filters");
  const root = document.body.dataset.root;
  let loading = null;
  let entries = null;
  let shownCount = CARDS_A_STEP;

  function load() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.onload = () => {
        entries = globalThis.catalogue.rows.map(entryOf);
        resolve();
      };
      script.onerror = () => {
        loading = null;
        reject(new Error("the catalogue could not be read"));
      };
      script.src = document.body.dataset.catalogue;
      document.head.append(script);
    });
    return loading;
  }

  function entryOf(row) {
    const [name, title, summary, versions, state, bases, licences, masks, still, clip, motion, keywords, more, tint] = row;
    const named = (list, numbers) => numbers.map((number) => list[number]);
    return {
      name, title, summary, versions, state, still, clip, motion, tint,
      bases: named(globalThis.catalogue.bases, bases),
      licences: named(globalThis.catalogue.licences, licences),
      masked: (masks & 1) > 0,
      unmasked: (masks & 2) > 0,
      fields: [name, keywords, `${title} ${summary} ${more}`].map((text) => text.toLowerCase()),
    };
  }

  /* The lower the better; infinite where a word is nowhere. */
  function rank(entry, words) {
    let sum = 0;
    for (const word of words) {
      const place = entry.fields.findIndex((field) => field.includes(word));
      if (place < 0) return Infinity;
      sum += place;
    }
    return sum;
  }

  function found() {
    const words = form.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [base, licence, kind] = [form.base.value, form.licence.value, form.kind.value];
    const byRank = [];
    for (const entry of entries) {
      if (base && !entry.bases.includes(base)) continue;
      if (licence && !entry.licences.includes(licence)) continue;
      if (kind && !(kind === "masked" ? entry.masked : entry.unmasked)) continue;
      const place = rank(entry, words);
      if (place < Infinity) (byRank[place] ??= []).push(entry);
    }
    return byRank.flat();
  }

  function cardOf(entry) {
    const item = document.querySelector("#card").content.firstElementChild.cloneNode(true);
    const short = entry.name.replace(/^miva\//, "");
    const folder = `${root}adapters/${entry.name}`;
    const command = `mivactl install ${short}`;
    const at = (selector) => item.querySelector(selector);
    item.querySelectorAll("a").forEach((link) => link.setAttribute("href", `${folder}/index.html`));
    at("h2 a").textContent = entry.title;
    at(".name").textContent = entry.name;
    at(".who span:last-child").textContent = entry.versions;
    at(".summary").textContent = entry.summary;
    const facts = [...entry.bases, ...(entry.masked ? ["masked"] : []), ...entry.licences];
    at(".facts").replaceChildren(...facts.map((fact) => Object.assign(document.createElement("li"), {textContent: fact})));
    Object.assign(at(".state"), {textContent: entry.state, hidden: entry.state === "active", className: `state ${entry.state}`});
    at("code").textContent = command;
    at(".copy").setAttribute("aria-label", `Copy: ${command}`);
    at(".command").hidden = entry.state === "yanked";
    fillPreview(at(".preview"), entry, folder);
    return item;
  }

  function fillPreview(preview, entry, folder) {
    const clip = entry.clip && `${folder}/1.clip.${entry.clip}`;
    preview.className = `preview tint-${entry.tint}`;
    preview.querySelector(".play").hidden = !clip;
    preview.querySelector(".play").dataset.title = entry.title;
    if (clip) preview.dataset.clip = clip;
    label(preview);
    const words = preview.querySelector(".words");
    words.textContent = entry.motion;
    if (!entry.still && entry.clip !== "mp4") return;
    const picture = document.createElement(entry.still ? "img" : "video");
    picture.className = "still";
    if (entry.still) Object.assign(picture, {alt: "", loading: "lazy", src: `${folder}/1.still.${entry.still}`});
    else Object.assign(picture, {muted: true, loop: true, playsInline: true, preload: "metadata", src: clip});
    words.replaceWith(picture);
  }

  const spoken = (count) => `${count.toLocaleString("en")} adapter${count === 1 ? "" : "s"}`;

  function show() {
    const matching = found();
    const shown = matching.slice(0, shownCount);
    document.querySelector("#cards").replaceChildren(...shown.map(cardOf));
    document.querySelector("#more").hidden = matching.length <= shownCount;
    document.querySelector("#empty").hidden = matching.length > 0;
    document.querySelector("#pager")?.remove();
    const all = matching.length === entries.length ? "" : ` of ${entries.length.toLocaleString("en")}`;
    document.querySelector("#count").textContent = matching.length === entries.length ? spoken(matching.length)
      : `${matching.length.toLocaleString("en")}${all} adapters`;
  }

  function remember() {
    const chosen = [...new FormData(form)].filter(([, value]) => value);
    const address = location.href.split("#")[0];
    history.replaceState(null, "", chosen.length ? `${address}#${new URLSearchParams(chosen)}` : address);
  }

  function recall() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const field of ["q", "base", "licence", "kind"]) form[field].value = chosen.get(field) ?? "";
    return [...chosen].length > 0;
  }

  async function search() {
    try {
      await load();
    } catch (problem) {
      document.querySelector("#count").textContent = `Search does not work: ${problem.message}`;
      return;
    }
    shownCount = CARDS_A_STEP;
    show();
  }

  if (form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("focusin", () => load().catch(() => {}));
    form.addEventListener("input", async () => { await search(); remember(); });
    form.addEventListener("reset", () => setTimeout(async () => { await search(); remember(); form.q.focus(); }));
    document.querySelector("#more").addEventListener("click", () => {
      const first = shownCount;
      shownCount += CARDS_A_STEP;
      show();
      document.querySelectorAll("#cards h2 a")[first]?.focus();
    });
    addEventListener("hashchange", () => { recall(); search(); });
    if (recall()) search();
  }
}
