// Where one is on the page, and how one gets elsewhere. What is searched for is kept in the address where it is entries of the gallery, so
// that links and the back button work. An uploaded picture is kept in this page alone, under a name in its history, where the marks are, too.

import { ask, at, make, moment, short, tell } from "/asking.js";
import { addCards, drawCards, entries, markedRight } from "/cards.js";
import { save } from "/saving.js";
import { drawTimes } from "/times.js";

const KEPT = 20;  // uploaded pictures to which the back button leads
const PAGE = 60;  // pictures of the gallery that are shown at once
const uploads = new Map();
const narrow = matchMedia("(max-width: 50rem)");
let turn = 0;
let stats = null;
let said = "";  // of what was found

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
    return Number.isNaN(time.getTime()) ? "" : new Date(time - time.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  };
  const form = at("filters");
  for (const name of ["since", "until"]) form.elements[name].value = given.get(name) ? local(given.get(name)) : "";
  form.elements.person.value = given.get("person") ?? "";
  form.elements.k.value = given.get("k") ?? "40";
  const cameras = given.getAll("camera");
  for (const box of form.querySelectorAll("[name=camera]")) box.checked = cameras.includes(box.value);
}

// Show what the address says: entries that are searched for, an upload, or the gallery itself. `trouble` is what went wrong before.
async function show(trouble = "") {
  const mine = ++turn;
  const given = new URLSearchParams(location.search);
  restore(given);
  const name = history.state?.upload;
  const query = filters();
  try {
    if (given.has("entry")) {
      for (const entry of given.getAll("entry")) query.append("entry", entry);
      showQuery(given.getAll("entry").map((entry) => `/api/entries/${encodeURIComponent(entry)}/picture`));
      tell("Searching the gallery …", "busy");
      await answer(mine, ask(`/api/search?${query}`));
    } else if (uploads.has(name)) {
      const { file, address } = uploads.get(name);
      showQuery([address]);
      tell("Reading the picture and searching the gallery …", "busy");
      const options = { method: "POST", body: file, headers: { "Content-Type": file.type || "image/jpeg" } };
      await answer(mine, ask(`/api/search?${query}`, options));
    } else if (given.has("browse")) {
      showQuery([]);
      await browse(mine, 0, query);
    } else {
      showQuery([]);
      draw([], null, "Nothing is searched yet");
      if (trouble) tell(trouble, "wrong");
      else tell(name ? "The picture that was searched for is not kept any more; give it again." : "");
    }
    if (!stats && !trouble) readStats().catch(() => {});  // the gallery did not answer when the page was opened
  } catch (error) {
    if (mine !== turn) return;
    draw([], null, "Nothing to show");
    tell(error.message, "wrong");
  }
}

function draw(found, limit, title) {
  drawCards(found, limit, pick, history.state?.marks ?? [], (marks) => history.replaceState({ ...history.state, marks }, ""));
  drawTimes(found);
  at("hint").hidden = found.length > 0;
  at("results").textContent = title;
}

async function answer(mine, promise) {
  const begun = performance.now();
  const found = await promise;
  if (mine !== turn) return;
  const count = found.matches.length;
  draw(found.matches, found.threshold, count === 1 ? "1 picture" : `${count} pictures, nearest first`);
  const above = found.matches.filter((match) => found.threshold !== null && match.similarity >= found.threshold).length;
  const seconds = ((performance.now() - begun) / 1000).toFixed(2);
  const where = found.threshold === null
    ? "No threshold was calibrated for this gallery, so that a similarity alone does not say whether it is the same person."
    : `${above} at or above the threshold of ${found.threshold.toFixed(3)}.`;
  said = `${count ? where : nothing()}${untimed()} ${seconds} s.`;
  tell(said);
  at("results").focus({ preventScroll: true });
  if (narrow.matches) at("found").scrollIntoView();
}

// What a filter by time leaves out although it may be of that time.
function untimed() {
  const given = filters();
  const count = stats && (given.has("since") || given.has("until")) ? stats.unknown_times : 0;
  return count ? ` Left out: ${count.toLocaleString()} of the gallery whose time is not known.` : "";
}

function nothing() {
  return stats && !stats.entries ? "This gallery is empty." : "Nothing passes these filters.";
}

// The filters in words, for a printed page.
function narrowed() {
  const given = filters();
  const times = [["since", "from"], ["until", "until"]].filter(([name]) => given.has(name));
  return [
    ...(given.has("camera") ? [`cameras ${given.getAll("camera").map((camera) => short(camera)).join(", ")}`] : ["all cameras"]),
    ...times.map(([name, word]) => `${word} ${moment(given.get(name))}`),
    ...(given.has("person") ? [`person ${short(given.get("person"))}`] : []),
    `at most ${given.get("k")} pictures`,
  ].join("; ");
}

// Print once all pictures are there, also those that were never scrolled to.
async function printAll() {
  tell("Loading the pictures that are to be printed …", "busy");
  const pictures = [...at("cards").querySelectorAll("img")];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
  tell(said);
  print();
}

async function browse(mine, after, query) {
  tell("Reading the gallery …", "busy");
  query.delete("k");
  query.set("limit", PAGE);
  query.set("after", after);
  const found = await ask(`/api/entries?${query}`);
  if (mine !== turn) return;
  if (after) {
    addCards(found, pick)?.querySelector("button").focus();
  } else {
    draw(found, null, "Pick a picture to search for");
    at("results").focus({ preventScroll: true });
    if (narrow.matches) at("found").scrollIntoView();
  }
  tell(`${entries().length ? "" : nothing()}${untimed()}`.trim());
  at("more").hidden = found.length < PAGE;
  at("more").onclick = () => browse(mine, found.at(-1).id, query).catch((error) => tell(error.message, "wrong"));
}

function showQuery(addresses) {
  at("query").replaceChildren(...addresses.map((address) => make("img", { src: address, alt: "What is searched for" })));
}

function pick(number) {
  go([number], null);
}

// Search for entries; of those that were marked the marks go along, so that a further search can be by more of them.
function go(numbers, state) {
  const given = filters();
  for (const number of numbers) given.append("entry", number);
  history.pushState(state, "", `/?${given}`);
  scrollTo(0, 0);
  show();
}

function upload(file) {
  if (!file) return;
  if (file.type && !file.type.startsWith("image/")) {
    tell(`${file.name} is no picture.`, "wrong");
    return;
  }
  const name = `${Date.now()}-${Math.random()}`;  // also after the page was loaded anew no other picture has it
  uploads.set(name, { file, address: URL.createObjectURL(file) });
  if (uploads.size > KEPT) {
    const [oldest, { address }] = uploads.entries().next().value;
    uploads.delete(oldest);
    URL.revokeObjectURL(address);
  }
  history.pushState({ upload: name }, "", `/?${filters()}`);
  show();
}

async function readStats() {
  stats = await ask("/api/stats");
  const many = (count, what) => `${count.toLocaleString()} ${what}${count === 1 ? "" : "s"}`;
  const cameras = stats.cameras.length ? many(stats.cameras.length, "camera") : "no known camera";
  at("about").textContent = stats.entries ? `${many(stats.entries, "picture")} of ${cameras}` : "an empty gallery";
  at("hint-empty").hidden = stats.entries > 0;
  at("hint-search").hidden = !stats.entries;
  const sorted = [...stats.cameras].sort((a, b) => a.localeCompare(b, [], { numeric: true }));
  at("cameras").append(...sorted.map((camera) => make("label", {}, make("input", { type: "checkbox", name: "camera", value: camera }), make("bdi", { textContent: camera }))));
  at("cameras").hidden = !stats.cameras.length;
  at("logout").hidden = !document.cookie.includes("cdnet-open=1");
  restore(new URLSearchParams(location.search));
}

async function begin() {
  at("narrow").open = !narrow.matches;
  let trouble = "";
  try {
    await readStats();
  } catch (error) {
    trouble = new URLSearchParams(location.search).has("wrong-token") ? "That is not the token." : error.message;
    if (!at("login").hidden) return tell(trouble, "wrong");
  }
  await show(trouble);
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
at("refine").addEventListener("click", () => go(markedRight(), { marks: history.state.marks }));
at("csv").addEventListener("click", save);
at("print").addEventListener("click", printAll);
addEventListener("beforeprint", () => { at("printed").textContent = `Printed ${moment(Date.now())}. ${narrowed()}`; });
addEventListener("popstate", () => show());
addEventListener("paste", (event) => {
  const item = [...event.clipboardData.items].find((one) => one.type.startsWith("image/"));
  if (item) upload(item.getAsFile());
});
addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
addEventListener("dragleave", () => at("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  const { files } = event.dataTransfer;
  if (files.length === 1) upload(files[0]);
  else tell(files.length ? `Drop one picture at a time, not ${files.length}.` : "What was dropped is no file. Save the picture first, or copy and paste it.", "wrong");
});
begin();
