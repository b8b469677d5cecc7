// What was found, as a file of CSV.

import { make } from "/asking.js";
import { entries, markOf } from "/cards.js";

const COLUMNS = ["id", "similarity", "camera", "time", "person", "name", "note", "digest"];

function cell(value) {
  const text = String(value ?? "");
  // A leading sign would be a formula to a spreadsheet.
  const plain = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

export function save() {
  const rows = entries().map((entry) => [...COLUMNS.map((name) => cell(entry[name])), markOf(entry)].join(","));
  const text = [[...COLUMNS, "marked"].join(","), ...rows].join("\r\n") + "\r\n";
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "found.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
