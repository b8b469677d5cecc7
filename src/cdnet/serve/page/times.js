// A line of time for each camera: when it saw what was found.

import { at, moment } from "/asking.js";
import { isBelow } from "/cards.js";

const WIDTH = 900, LEFT = 110, ROW = 26;

function part(name, values, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

export function drawTimes(entries) {
  const timed = entries.filter((entry) => "similarity" in entry && entry.time);
  at("times").hidden = !timed.length;
  if (!timed.length) return;
  const cameraOf = (entry) => entry.camera ?? "not known";
  const cameras = [...new Set(timed.map(cameraOf))].sort((a, b) => a.localeCompare(b, [], { numeric: true }));
  const moments = timed.map((entry) => Date.parse(entry.time));
  const first = Math.min(...moments), last = Math.max(...moments);
  const across = (time) => LEFT + 10 + (last > first ? (time - first) / (last - first) : .5) * (WIDTH - LEFT - 30);
  const high = ROW * cameras.length + 28;
  const told = `${timed.length} pictures by ${cameras.length} cameras, ${moment(first)} to ${moment(last)}`;
  const picture = part("svg", { viewBox: `0 0 ${WIDTH} ${high}`, role: "img", "aria-label": told });
  cameras.forEach((camera, row) => {
    const y = ROW * row + 16;
    picture.append(part("line", { x1: LEFT, x2: WIDTH - 10, y1: y, y2: y }), part("text", { x: 4, y: y + 4 }, `camera ${camera}`.slice(0, 16)));
  });
  for (const entry of [...timed].reverse()) {  // the nearest above the others
    const y = ROW * cameras.indexOf(cameraOf(entry)) + 16;
    const dot = part("circle", { cx: across(Date.parse(entry.time)), cy: y, r: 6, class: isBelow(entry) ? "below" : "" });
    dot.append(part("title", {}, `${moment(entry.time)}, similarity ${entry.similarity.toFixed(3)}`));
    picture.append(dot);
  }
  picture.append(part("text", { x: LEFT, y: high - 4 }, moment(first)));
  if (last > first) picture.append(part("text", { x: WIDTH - 10, y: high - 4, "text-anchor": "end" }, moment(last)));
  at("line").replaceChildren(picture);
}
