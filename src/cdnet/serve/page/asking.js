// What every part of the page needs: its elements, its status line, and asking the server.

export const at = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function tell(text, kind = "") {
  at("status").textContent = text;
  at("status").className = kind;
}

export async function ask(address, options = {}) {
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

const FULL = { dateStyle: "medium", timeStyle: "medium" };
const SHORT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };

// A time in full, as this browser's language and zone have it.
export function moment(time) {
  return new Date(time).toLocaleString([], FULL);
}

// The same in a few characters; the year only where it is not this one.
export function shortMoment(time) {
  const year = new Date(time).getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return new Date(time).toLocaleString([], { ...SHORT, ...year });
}

// The beginning of a text, of whole characters.
export function short(text, most = 60) {
  const letters = [...text.slice(0, 4 * most)];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}
