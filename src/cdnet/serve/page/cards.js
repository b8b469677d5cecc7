// What was found, as cards, and which of them were marked right or wrong.

import { at, make, moment, short, shortMoment } from "/asking.js";

const LONG = 160;  // characters that are shown at once

let shown = [];
let threshold = null;
let marks = new Map();
let keep = () => {};

export const entries = () => shown;
export const markOf = (entry) => marks.get(entry.id) ?? "";
export const hasThreshold = () => threshold !== null;
export const isBelow = (entry) => threshold !== null && entry.similarity < threshold;
export const markedRight = () => [...marks].filter(([, kind]) => kind === "right").map(([id]) => id);

// Draw entries, `pick` being called with the number of one that is to be searched for. `marked` are pairs of a number and right or wrong that
// were marked before, and `remember` is called with all of them whenever that changes.
export function drawCards(found, limit, pick, marked, remember) {
  shown = found;
  threshold = limit;
  marks = new Map(marked);
  keep = remember;
  at("more").hidden = true;
  at("after").hidden = !found.some((entry) => "similarity" in entry);
  const cards = found.map((entry, place) => card(entry, place, pick));
  const first = found.findIndex((entry) => "similarity" in entry && isBelow(entry));
  if (first >= 0) {
    const text = `Below the threshold of ${limit.toFixed(3)}`;
    cards.splice(first, 0, make("li", { className: "threshold", textContent: text }));
  }
  at("cards").replaceChildren(...cards);
  countMarks();
}

// Draw further ones after those that are there, and return the first of them.
export function addCards(found, pick) {
  const cards = found.map((entry, place) => card(entry, shown.length + place, pick));
  shown = [...shown, ...found];
  at("cards").append(...cards);
  return cards[0];
}

function card(entry, place, pick) {
  const found = "similarity" in entry;
  const camera = entry.camera ? `camera ${short(entry.camera)}` : "camera not known";
  const person = entry.person ? `person ${short(entry.person)}` : "person not known";
  const time = entry.time ? moment(entry.time) : "time not known";
  const name = [...(found ? [`number ${place + 1}`] : []), camera, time, person, short(entry.name)].filter(Boolean).join(", ");
  const image = make("img", { src: `/api/entries/${entry.id}/picture`, alt: `Picture of ${name}`, loading: "lazy" });
  const button = make("button", { type: "button", title: "Search for this one", onclick: () => pick(entry.id) }, image);
  button.setAttribute("aria-label", `Search for ${name}`);
  image.onerror = () => image.replaceWith(make("span", { className: "gone", textContent: "The picture cannot be shown" }));
  const words = make("dl");
  if (found) {
    const score = make("span", { className: "score", textContent: entry.similarity.toFixed(3) });
    const bar = make("meter", { min: 0, max: 1, value: Math.max(0, entry.similarity) });
    bar.setAttribute("aria-hidden", "true");
    words.append(...term("Similarity", score, bar));
  }
  words.append(...term("Camera", ...(entry.camera ? ["camera ", whole(entry.camera)] : [camera])));
  if (entry.time) words.append(...term("Time", make("time", { dateTime: entry.time, title: time, textContent: shortMoment(entry.time) })));
  words.append(...term("Person", ...(entry.person ? ["person ", whole(entry.person)] : [person])));
  if (entry.name) words.append(...term("File", make("bdi", { className: "name", title: entry.name, textContent: entry.name })));
  if (entry.note) words.append(...term("Note", whole(entry.note, "note")));
  const made = make("li", { className: "card" }, button, words);
  if (found) {
    made.classList.toggle("below", isBelow(entry));
    made.append(make("div", { className: "marks" }, mark(made, entry, place, "right"), mark(made, entry, place, "wrong")));
    showMark(made, entry);
  }
  return made;
}

function term(name, ...described) {
  return [make("dt", { textContent: name }), make("dd", {}, ...described)];
}

// A text in the direction of its own script; of a long one the beginning, which opens.
function whole(text, className = "") {
  if (text.length <= LONG) return make("bdi", { className, textContent: text });
  const all = make("div", { dir: "auto", tabIndex: 0, textContent: text });
  all.setAttribute("role", "group");
  all.setAttribute("aria-label", `All ${text.length.toLocaleString()} characters`);
  return make("details", { className }, make("summary", { dir: "auto", textContent: short(text) }), all);
}

function mark(made, entry, place, kind) {
  const text = kind === "right" ? "Right" : "Wrong";
  const button = make("button", { type: "button", className: kind === "right" ? "yes" : "no", textContent: text });
  button.setAttribute("aria-label", `${text}: number ${place + 1}`);
  button.onclick = () => {
    if (marks.get(entry.id) === kind) marks.delete(entry.id);
    else marks.set(entry.id, kind);
    showMark(made, entry);
    countMarks();
    keep([...marks]);
  };
  return button;
}

function showMark(made, entry) {
  for (const kind of ["right", "wrong"]) made.classList.toggle(kind, markOf(entry) === kind);
  for (const each of made.querySelectorAll(".marks button")) {
    each.setAttribute("aria-pressed", String(markOf(entry) === (each.className === "yes" ? "right" : "wrong")));
  }
}

function countMarks() {
  const right = markedRight().length;
  at("refine").disabled = !right;
  at("refine").textContent = right ? `Search by the ${right} marked right` : "Search by those marked right";
}
