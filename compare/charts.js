"use strict";
// Drawing: from series over time to SVG. Knows nothing of controls. Series are step functions: sample i holds for [i, i + 1) steps.

const BAND = 64, PODS = 40, TOP = 16, GAP = 16, LEAST_LOSS = 3;
const SIDES = [["Old", "old"], ["New", "new"]];

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function tag(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// As exact as it is worth, as in the tables.
function seconds(value) {
  if (value < 0) return "−" + seconds(-value);
  if (value < 9.95) return (Math.round(value * 10) / 10) + " s";
  const all = Math.round(value), hours = Math.floor(all / 3600), minutes = Math.floor(all / 60) % 60, rest = all % 60;
  return [hours && hours + " h", minutes && minutes + " m", rest && rest + " s"].filter(Boolean).join(" ");
}

function count(value) {
  return (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString("en-US");
}

// Which sample holds at a moment; -1 where there is none.
function place(series, time) {
  if (time < series.start - 1e-9 || time > series.end + 1e-9) return -1;
  return Math.min(Math.max(Math.floor((time - series.start) / series.step + 1e-6), 0), series.old.length - 1);
}

function scale(from, to, width) {
  const of = time => (Math.min(Math.max(time, from), to) - from) / (to - from) * width;
  return {from, to, width, of, time: x => from + Math.min(Math.max(x / width, 0), 1) * (to - from)};
}

// Neighbours of one value as [first, last + 1, value], as far as the axis goes.
function runs(series, value, x) {
  const found = [];
  for (let i = 0; i < series.old.length && series.start + i * series.step < x.to; i++) {
    const now = value(i), last = found[found.length - 1];
    if (last && last[2] === now) last[1] = i + 1;
    else found.push([i, i + 1, now]);
  }
  return found;
}

function area(series, low, high, x, y) {
  const at = i => x.of(series.start + i * series.step).toFixed(1);
  const tops = runs(series, high, x), bottoms = runs(series, low, x).reverse();
  if (!tops.length) return "";
  return `M${at(0)},${y(low(0)).toFixed(1)}` + tops.map(([, end, v]) => `V${y(v).toFixed(1)}H${at(end)}`).join("")
    + bottoms.map(([begin, , v]) => `V${y(v).toFixed(1)}H${at(begin)}`).join("") + "Z";
}

// What was lost, each stretch by itself: never thinner than the eye can see.
function losses(series, base, x, y) {
  let path = "";
  for (const [begin, end, lost] of runs(series, i => series.lost[i], x)) {
    if (!lost) continue;
    const left = x.of(series.start + begin * series.step), right = x.of(series.start + end * series.step);
    const bottom = y(base(begin)), top = Math.min(y(base(begin) + lost), bottom - LEAST_LOSS);
    path += `M${left.toFixed(1)},${bottom.toFixed(1)}V${top.toFixed(1)}H${Math.max(right, left + 2).toFixed(1)}V${bottom.toFixed(1)}Z`;
  }
  return path;
}

// The name of a version, in the widest place of its area that is high enough for it.
function nameIn(series, low, high, x, y, text, kind) {
  let best = null;
  const isHigh = i => y(low(i)) - y(high(i)) >= 15;
  for (const [begin, end, fits] of runs(series, isHigh, x)) {
    const left = x.of(series.start + begin * series.step), right = x.of(series.start + end * series.step);
    if (fits && (!best || right - left > best.right - best.left)) best = {left, right, begin, end};
  }
  if (!best || best.right - best.left < text.length * 6.5 + 8) return [];
  const middle = (best.left + best.right) / 2, i = place(series, x.time(middle));
  return [svg("text", {class: "in-" + kind, x: middle, y: (y(low(i)) + y(high(i))) / 2 + 4, "text-anchor": "middle"}, text)];
}

function grid(x, height) {
  return ticks(x).map(time => svg("line", {class: "grid", x1: x.of(time), x2: x.of(time), y1: TOP, y2: height}));
}

function ticks(x) {
  const most = Math.max(Math.floor(x.width / 90), 2), span = x.to - x.from;
  const sizes = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const size = sizes.find(one => span / one <= most) || span, found = [];
  for (let n = Math.ceil(x.from / size - 1e-9); n * size <= x.to + 1e-9; n++) found.push(n * size);
  return found;
}

function marks(series, x, height) {
  const drawn = [];
  let held = null, free = -1;
  for (const mark of series.marks) {
    if (mark.at > x.to) continue;
    const at = x.of(mark.at);
    drawn.push(svg("line", {class: "mark", x1: at, x2: at, y1: TOP - 2, y2: height}));
    if (mark.weight === null || mark.weight === held) continue;
    held = mark.weight;
    const text = held + "%", half = text.length * 3.5, middle = Math.min(Math.max(at, half), x.width - half);
    if (middle - half < free) continue;
    free = middle + half + 3;
    drawn.push(svg("text", {x: middle, y: 11, "text-anchor": "middle"}, text));
  }
  return drawn;
}

// Requests above, pods below, of one strategy. `most` is what all of them have in common: {rate, pods, replicas}.
function drawStrategy(strategy, x, most, names) {
  const height = TOP + BAND + GAP + PODS, base = height - 0.5;
  const rate = value => TOP + BAND * (1 - value / most.rate);
  const pods = value => base - PODS * value / most.pods;
  const zero = () => 0, old = i => strategy.old[i], both = i => strategy.old[i] + strategy.new[i];
  const drawn = [
    ...grid(x, height),
    svg("path", {class: "f-old", d: area(strategy, zero, old, x, rate)}),
    svg("path", {class: "f-new", d: area(strategy, old, both, x, rate)}),
    svg("path", {class: "f-lost lost", d: losses(strategy, both, x, rate)}),
    svg("path", {fill: "url(#hatch)", d: losses(strategy, both, x, rate)}),
    ...nameIn(strategy, zero, old, x, rate, names.old, "old"),
    ...nameIn(strategy, old, both, x, rate, names.new, "new"),
    ...podAreas(strategy, x, pods),
    svg("line", {class: "steady", x1: 0, x2: x.width, y1: pods(most.replicas), y2: pods(most.replicas)}),
    ...peakLabel(strategy, x, pods),
    ...marks(strategy, x, height),
    ...ending(strategy, x),
  ];
  if (strategy.measured) drawn.push(...overlay(strategy.measured, x, rate));
  drawn.push(svg("line", {class: "cross", x1: 0, x2: 0, y1: 0, y2: height}));
  return svg("svg", {viewBox: `0 0 ${x.width} ${height}`, role: "img", "aria-label": spoken(strategy, names)}, ...drawn);
}

function podAreas(series, x, y) {
  const drawn = [];
  let below = () => 0;
  for (const [side, kind] of SIDES) {
    const from = below, ready = series["ready" + side], all = series["pods" + side];
    const toReady = i => from(i) + ready[i], toAll = i => from(i) + Math.max(all[i], ready[i]);
    drawn.push(svg("path", {class: "f-" + kind, d: area(series, from, toReady, x, y)}));
    drawn.push(svg("path", {class: `f-${kind} unready`, d: area(series, toReady, toAll, x, y)}));
    below = toAll;
  }
  return drawn;
}

function peakLabel(series, x, y) {
  const all = series.podsOld.map((pods, i) => pods + series.podsNew[i]), peak = Math.max(...all);
  const at = x.of(series.start + all.indexOf(peak) * series.step), isLate = at > x.width - 60;
  return [svg("text", {class: "halo", x: at, y: y(peak) - 4, "text-anchor": isLate ? "end" : "start"}, `${peak} pods`)];
}

function ending(strategy, x) {
  const at = x.of(strategy.end) + 8;
  if (strategy.end > x.to || at + strategy.ending.length * 6 > x.width) return [];
  return [svg("text", {x: at, y: TOP + BAND / 2 + 4}, strategy.ending)];
}

// What was measured: where one kind of answer ends and the next begins, as lines.
function overlay(series, x, y) {
  return [i => series.old[i], i => series.old[i] + series.new[i]].map(edge => {
    const at = i => x.of(series.start + i * series.step).toFixed(1);
    const line = runs(series, edge, x).map(([begin, end, v], n) => `${n ? "V" : `M${at(begin)},`}${y(v).toFixed(1)}H${at(end)}`);
    return svg("path", {class: "overlay", d: line.join("")});
  });
}

function spoken(strategy, names) {
  const steps = strategy.marks.map(mark => `${seconds(mark.at)}: ${mark.text}${mark.weight === null ? "" : `, ${mark.weight}%`}`);
  return `${strategy.name}, from ${names.old} to ${names.new}, ${strategy.ending}. ${steps.join(". ")}`;
}

function drawAxis(x) {
  const labels = ticks(x).map(time => {
    const at = x.of(time), anchor = at < 14 ? "start" : at > x.width - 20 ? "end" : "middle";
    return svg("text", {x: at, y: 13, "text-anchor": anchor}, time ? seconds(time) : "0");
  });
  const moment = svg("text", {class: "halo name moment", x: 0, y: 13, "text-anchor": "middle"});
  return svg("svg", {viewBox: `0 0 ${x.width} 18`, "aria-hidden": "true"}, ...labels, moment);
}

// The share of the new version, a line a strategy, each named where there is room.
function drawShares(strategies, x, name) {
  const height = 190, y = share => TOP + (height - TOP - 4) * (1 - share);
  const levels = [0, .5, 1].flatMap(share => [
    svg("line", {class: "grid", x1: 0, x2: x.width, y1: y(share), y2: y(share)}),
    svg("text", {class: "halo", x: 0, y: y(share) - 3}, `${share * 100}%`),
  ]);
  const lines = [], names = [];
  strategies.forEach((strategy, number) => {
    const share = i => shareOf(strategy, i), at = i => x.of(strategy.start + i * strategy.step).toFixed(1);
    let path = "", wasThere = false;
    for (const [begin, end, value] of runs(strategy, share, x)) {
      if (value !== null) path += `${wasThere ? "V" : `M${at(begin)},`}${y(value).toFixed(1)}H${at(end)}`;
      wasThere = value !== null;
    }
    lines.push(svg("path", {class: `share l${number % 5}`, d: path}));
    names.push(...shareName(strategy, number, strategies.length, share, x, y));
  });
  const cross = svg("line", {class: "cross", x1: 0, x2: 0, y1: 0, y2: height});
  const label = `Share of answers from ${name} over time: ` + strategies.map(one => `${one.name} ${one.ending}`).join(", ");
  return svg("svg", {viewBox: `0 0 ${x.width} ${height}`, role: "img", "aria-label": label}, ...levels, ...lines, ...names, cross);
}

function shareOf(series, i) {
  const met = series.old[i] + series.met[i];
  return met ? series.met[i] / met : null;
}

// Each strategy has a height of its own, where its line rises past: so no two names meet.
function shareName(strategy, number, total, share, x, y) {
  const level = 0.1 + 0.8 * (number + 0.5) / total;
  let i = 0;
  while (i < strategy.old.length && !(share(i) >= level)) i++;
  if (i === strategy.old.length) return [];
  const at = x.of(strategy.start + i * strategy.step), isLate = at + strategy.name.length * 7 + 8 > x.width;
  const attributes = {class: `halo name t${number % 5}`, x: at + (isLate ? -6 : 6), y: y(level) + 4, "text-anchor": isLate ? "end" : "start"};
  return [svg("text", attributes, strategy.name)];
}
