"use strict";
// What is searched for is kept in the address where it is entries of the gallery, so that links and the back button work. An uploaded picture
// is kept in this page alone, under a number in its history.

const at = (id) => document.getElementById(id);
const uploads = new Map();
let shown = [];
let threshold = null;
let marks = new Map();
let turn = 0;

function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function tell(text, kind = "") {
  at("status").textContent = text;
  at("status").className = kind;
}

async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Error("The gallery does not answer. Is its server still running?");
  }
  if (answer.status === 401) {
    at("login").hidden = false;
    at("token").focus();
    throw new Error("Give the gallery's token first.");
  }
  let found = null;
  try { found = await answer.json(); } catch { /* said below */ }
  if (!answer.ok) {
    const why = found?.error ?? `status ${answer.status}`;
    const wait = answer.headers.get("Retry-After");
    throw new Error(`This did not work: ${why}${wait ? ` (in ${wait} s)` : ""}.`);
  }
  return found;
}

function filters() {
  const form = new FormData(at("filters"));
  const given = new URLSearchParams();
  for (const name of ["since", "until"]) {
    if (form.get(name)) given.set(name, new Date(form.get(name)).toISOString());
  }
  for (const camera of form.getAll("camera")) given.append("camera", camera);
  if (form.get("person").trim()) given.append("person", form.get("person").trim());
  given.set("k", form.get("k") || "40");
  return given;
}

function restore(given) {
  const local = (text) => {
    const time = new Date(text);
    return new Date(time - time.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  };
  const form = at("filters");
  for (const name of ["since", "until"]) form.elements[name].value = given.get(name) ? local(given.get(name)) : "";
  form.elements.person.value = given.get("person") ?? "";
  form.elements.k.value = given.get("k") ?? "40";
  const cameras = given.getAll("camera");
  for (const box of form.querySelectorAll("[name=camera]")) box.checked = cameras.includes(box.value);
}

// Show what the address says: entries that are searched for, an upload, or the gallery itself.
async function show() {
  const mine = ++turn;
  const given = new URLSearchParams(location.search);
  restore(given);
  const kept = uploads.get(history.state?.upload);
  const query = filters();
  try {
    if (given.has("entry")) {
      for (const entry of given.getAll("entry")) query.append("entry", entry);
      showQuery(given.getAll("entry").map((entry) => `/api/entries/${entry}/picture`));
      tell("Searching the gallery …", "busy");
      await answer(mine, ask(`/api/search?${query}`));
    } else if (kept) {
      showQuery([kept.address]);
      tell("Reading the picture and searching the gallery …", "busy");
      const options = { method: "POST", body: kept.file, headers: { "Content-Type": kept.file.type || "image/jpeg" } };
      await answer(mine, ask(`/api/search?${query}`, options));
    } else if (given.has("browse")) {
      showQuery([]);
      await browse(mine, 0, query);
    } else {
      showQuery([]);
      draw([], null);
      at("results").textContent = "Nothing is searched yet";
      tell(given.has("wrong-token") ? "That is not the token." : "", given.has("wrong-token") ? "wrong" : "");
    }
  } catch (error) {
    if (mine !== turn) return;
    draw([], null);
    at("results").textContent = "Nothing to show";
    tell(error.message, "wrong");
  }
}

async function answer(mine, promise) {
  const begun = performance.now();
  const found = await promise;
  if (mine !== turn) return;
  draw(found.matches, found.threshold);
  const above = found.matches.filter((match) => found.threshold !== null && match.similarity >= found.threshold).length;
  at("results").textContent = found.matches.length === 1 ? "1 picture, nearest first" : `${found.matches.length} pictures, nearest first`;
  const seconds = ((performance.now() - begun) / 1000).toFixed(2);
  const where = found.threshold === null
    ? "No threshold was calibrated for this gallery, so that a similarity alone does not say whether it is the same person."
    : `${above} at or above the threshold of ${found.threshold.toFixed(3)}.`;
  tell(found.matches.length ? `${where} ${seconds} s.` : "Nothing passes these filters.");
  at("results").focus({ preventScroll: true });
}

async function browse(mine, after, query) {
  tell("Reading the gallery …", "busy");
  query.delete("k");
  query.set("limit", "60");
  query.set("after", after);
  const found = await ask(`/api/entries?${query}`);
  if (mine !== turn) return;
  draw(after ? [...shown, ...found] : found, null);
  at("results").textContent = "Pick a picture to search for";
  tell(shown.length ? "" : "There is nothing that passes these filters.");
  at("more").hidden = found.length < 60;
  at("more").onclick = () => browse(mine, found.at(-1).id, query).catch((error) => tell(error.message, "wrong"));
}

function showQuery(addresses) {
  at("query").replaceChildren(...addresses.map((address) => make("img", { src: address, alt: "What is searched for" })));
}

function moment(text) {
  return text ? new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }) : "";
}

function draw(entries, limit) {
  shown = entries;
  threshold = limit;
  marks = new Map();
  at("more").hidden = true;
  at("after").hidden = !entries.some((entry) => "similarity" in entry);
  const cards = entries.map(card);
  const first = limit === null ? -1 : entries.findIndex((entry) => "similarity" in entry && entry.similarity < limit);
  if (first >= 0) {
    const text = `Below here similarities are under the threshold of ${limit.toFixed(3)}`;
    cards.splice(first, 0, make("li", { className: "threshold", textContent: text }));
  }
  at("cards").replaceChildren(...cards);
  drawTimes();
  countMarks();
}

function card(entry, place) {
  const found = "similarity" in entry;
  const who = entry.person ? `person ${entry.person}` : "person not known";
  const about = [entry.camera ? `camera ${entry.camera}` : "camera not known", moment(entry.time), who, entry.name].filter(Boolean);
  const name = `${found ? `number ${place + 1}, ` : ""}${about.join(", ")}`;
  const image = make("img", { src: `/api/entries/${entry.id}/picture`, alt: `Picture of ${name}`, loading: "lazy" });
  image.onerror = () => { image.alt = "The picture is not where it was"; };
  const pick = make("button", { type: "button", title: "Search for this one", onclick: () => go([entry.id]) }, image);
  pick.setAttribute("aria-label", `Search for ${name}`);
  const words = make("dl", {}, ...(found ? term("similarity", entry.similarity.toFixed(3), "score") : []), ...about.flatMap((text) => term("about", text)));
  const made = make("li", { className: "card" }, pick, words);
  if (found) {
    made.classList.toggle("below", threshold !== null && entry.similarity < threshold);
    made.append(make("div", { className: "marks" }, mark(made, entry, "right", "yes", "Right"), mark(made, entry, "wrong", "no", "Wrong")));
  }
  return made;
}

function term(name, text, kind = "") {
  return [make("dt", { textContent: name }), make("dd", { textContent: text, className: kind })];
}

function mark(made, entry, kind, name, text) {
  const button = make("button", { type: "button", className: name, textContent: text });
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `${text}: entry ${entry.id}`);
  button.onclick = () => {
    if (marks.get(entry.id) === kind) marks.delete(entry.id);
    else marks.set(entry.id, kind);
    for (const other of ["right", "wrong"]) made.classList.toggle(other, marks.get(entry.id) === other);
    for (const each of made.querySelectorAll(".marks button")) {
      each.setAttribute("aria-pressed", String(marks.get(entry.id) === (each.className === "yes" ? "right" : "wrong")));
    }
    countMarks();
  };
  return button;
}

function countMarks() {
  const right = [...marks.values()].filter((kind) => kind === "right").length;
  at("refine").disabled = !right;
  at("refine").textContent = right ? `Search by the ${right} marked right` : "Search by those marked right";
}

function drawTimes() {
  const timed = shown.filter((entry) => "similarity" in entry && entry.time);
  at("times").hidden = !timed.length;
  if (!timed.length) return;
  const cameras = [...new Set(timed.map((entry) => entry.camera ?? "not known"))].sort((a, b) => a.localeCompare(b, [], { numeric: true }));
  const moments = timed.map((entry) => Date.parse(entry.time));
  const first = Math.min(...moments), last = Math.max(...moments);
  const width = 900, left = 110, high = 26 * cameras.length + 28;
  const space = "http://www.w3.org/2000/svg";
  const part = (name, values, text = "") => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };
  const across = (time) => left + (last > first ? (time - first) / (last - first) : .5) * (width - left - 20);
  const picture = part("svg", { viewBox: `0 0 ${width} ${high}`, role: "img", "aria-label": `${timed.length} pictures by ${cameras.length} cameras, ${moment(first)} to ${moment(last)}` });
  cameras.forEach((camera, row) => {
    const y = 26 * row + 16;
    picture.append(part("line", { x1: left, x2: width - 12, y1: y, y2: y }), part("text", { x: 4, y: y + 4 }, `camera ${camera}`.slice(0, 16)));
  });
  for (const entry of [...timed].reverse()) {
    const below = threshold !== null && entry.similarity < threshold;
    const dot = part("circle", { cx: across(Date.parse(entry.time)), cy: 26 * cameras.indexOf(entry.camera ?? "not known") + 16, r: 6, class: below ? "below" : "" });
    dot.append(part("title", {}, `${moment(entry.time)}, similarity ${entry.similarity.toFixed(3)}`));
    picture.append(dot);
  }
  picture.append(part("text", { x: left, y: high - 4 }, moment(first)));
  if (last > first) picture.append(part("text", { x: width - 12, y: high - 4, "text-anchor": "end" }, moment(last)));
  at("line").replaceChildren(picture);
}

function go(entries) {
  const given = filters();
  for (const entry of entries) given.append("entry", entry);
  history.pushState(null, "", `/?${given}`);
  scrollTo(0, 0);
  show();
}

function upload(file) {
  if (!file) return;
  if (file.type && !file.type.startsWith("image/")) {
    tell(`${file.name} is no picture.`, "wrong");
    return;
  }
  const number = uploads.size + 1;
  uploads.set(number, { file, address: URL.createObjectURL(file) });
  history.pushState({ upload: number }, "", `/?${filters()}`);
  show();
}

function save() {
  const cell = (value) => {
    const text = String(value ?? "");
    // A leading sign would be a formula to a spreadsheet.
    const plain = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  const columns = ["id", "similarity", "camera", "time", "person", "name", "note", "digest"];
  const rows = shown.map((entry) => [...columns.map((name) => cell(entry[name])), marks.get(entry.id) ?? ""].join(","));
  const text = [[...columns, "marked"].join(","), ...rows].join("\r\n") + "\r\n";
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "found.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function begin() {
  try {
    const stats = await ask("/api/stats");
    at("about").textContent = `${stats.entries.toLocaleString()} pictures, ${stats.cameras.length} cameras`;
    at("cameras").append(...stats.cameras.map((camera) => make("label", {}, make("input", { type: "checkbox", name: "camera", value: camera }), camera)));
    at("cameras").hidden = !stats.cameras.length;
  } catch (error) {
    tell(error.message, "wrong");
    at("cameras").hidden = true;
    if (!at("login").hidden) return;
  }
  await show();
}

for (const id of ["file", "camera-file"]) {
  at(id).addEventListener("change", () => { upload(at(id).files[0]); at(id).value = ""; });
}
at("browse").addEventListener("click", () => {
  const given = filters();
  given.set("browse", "1");
  history.pushState(null, "", `/?${given}`);
  show();
});
at("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  const now = new URLSearchParams(location.search);
  const given = filters();
  for (const entry of now.getAll("entry")) given.append("entry", entry);
  if (now.has("browse")) given.set("browse", "1");
  history.pushState(history.state, "", `/?${given}`);
  show();
});
at("refine").addEventListener("click", () => go([...marks].filter(([, kind]) => kind === "right").map(([id]) => id)));
at("csv").addEventListener("click", save);
at("print").addEventListener("click", () => print());
addEventListener("popstate", show);
addEventListener("paste", (event) => {
  const item = [...event.clipboardData.items].find((one) => one.type.startsWith("image/"));
  if (item) upload(item.getAsFile());
});
addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
addEventListener("dragleave", () => at("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  upload(event.dataTransfer.files[0]);
});
begin();
