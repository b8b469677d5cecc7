// A line of time for each camera: when it saw what was found.

import { at, moment, short, shortMoment } from "/asking.js";
import { hasThreshold, isBelow } from "/cards.js";

const LEFT = 110, ROW = 26;

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
  at("times-about").hidden = !hasThreshold();
  const cameraOf = (entry) => entry.camera ?? "not known";
  const cameras = [...new Set(timed.map(cameraOf))].sort((a, b) => a.localeCompare(b, [], { numeric: true }));
  const moments = timed.map((entry) => Date.parse(entry.time));
  const width = Math.max(LEFT + 200, at("line").clientWidth);
  const first = Math.min(...moments), last = Math.max(...moments);
  const across = (time) => LEFT + 10 + (last > first ? (time - first) / (last - first) : .5) * (width - LEFT - 30);
  const high = ROW * cameras.length + 28;
  const told = `${timed.length} pictures by ${cameras.length} cameras, ${moment(first)} to ${moment(last)}`;
  const picture = part("svg", { width, height: high, viewBox: `0 0 ${width} ${high}`, role: "img", "aria-label": told });
  cameras.forEach((camera, row) => {
    const y = ROW * row + 16;
    const label = part("text", { x: 4, y: y + 4 }, short(camera, 15));
    if (short(camera, 15) !== camera) label.append(part("title", {}, short(camera, 500)));
    picture.append(part("line", { x1: LEFT, x2: width - 10, y1: y, y2: y }), label);
  });
  for (const entry of [...timed].reverse()) {  // the nearest above the others
    const y = ROW * cameras.indexOf(cameraOf(entry)) + 16;
    const dot = part("circle", { cx: across(Date.parse(entry.time)), cy: y, r: 6, class: isBelow(entry) ? "below" : "" });
    dot.append(part("title", {}, `${moment(entry.time)}, similarity ${entry.similarity.toFixed(3)}`));
    picture.append(dot);
  }
  const shown = width < 500 ? shortMoment : moment;
  picture.append(part("text", { x: width < 500 ? 4 : LEFT, y: high - 4 }, shown(first)));
  if (last > first) picture.append(part("text", { x: width - 10, y: high - 4, "text-anchor": "end" }, shown(last)));
  at("line").replaceChildren(picture);
}
