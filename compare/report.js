// The page: one moment for all charts, moved by the pointer, by the steps of a release, or along the axis.

(function () {
  const root = document.documentElement, theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function showTheme() {
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.setAttribute("aria-pressed", String(isDark()));
    theme.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  }
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; showTheme(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();

  const found = document.getElementById("data");
  if (!found) return;
  const data = JSON.parse(found.textContent), names = {old: data.old, new: data.new};
  const [pick, zoom, steps, scrub, state, charts, shares] =
    ["strategy", "zoom", "steps", "scrub", "state", "charts", "shares"].map(id => document.getElementById(id));
  const most = {
    rate: Math.max(...data.strategies.flatMap(one => one.old.map((old, i) => old + one.new[i] + one.lost[i])), 1e-9),
    pods: Math.max(...data.strategies.flatMap(one => one.podsOld.map((pods, i) => pods + one.podsNew[i])), data.replicas, 1),
    replicas: data.replicas,
  };
  let x, rows, chosen = data.strategies.find(one => one.name === data.recommended) || data.strategies[0], kept = 0;

  // drawing

  function legend() {
    const swatch = (kind, extra) => svg("svg", {width: 16, height: 12, viewBox: "0 0 16 12", "aria-hidden": "true"},
      svg("rect", {class: kind, width: 16, height: 12}), ...(extra || []));
    const line = kind => svg("svg", {width: 22, height: 12, viewBox: "0 0 22 12", "aria-hidden": "true"},
      svg("line", {class: kind, x1: 0, x2: 22, y1: 6, y2: 6}));
    const entries = [[swatch("f-old"), names.old], [swatch("f-new"), names.new],
      [swatch("f-lost", [svg("rect", {width: 16, height: 12, fill: "url(#hatch)"})]), "lost"],
      [swatch("f-new unready"), "pods that are not ready, or terminate"], [line("steady"), `${data.replicas} pods, as before`],
      [line("mark"), "step, with the share held"]];
    if (data.strategies.some(one => one.measured)) entries.push([line("overlay"), "measured"]);
    document.getElementById("legend").append(...entries.map(([picture, text]) => tag("span", {}, picture, text)));
    const hatch = svg("pattern", {id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
      svg("line", {class: "hatch", x1: 0, x2: 0, y1: 0, y2: 5}));
    document.body.append(svg("svg", {width: 0, height: 0, "aria-hidden": "true"}, svg("defs", {}, hatch)));
  }

  function draw() {
    const probe = charts.querySelector(".plot") || charts;
    x = scale(data.axis[0], Number(zoom.value), Math.max(Math.floor(probe.clientWidth) || 600, 200));
    for (const {strategy, plot} of rows) plot.replaceChildren(drawStrategy(strategy, x, most, names));
    charts.querySelector(".axis .plot").replaceChildren(drawAxis(x));
    shares.querySelector(".plot").replaceChildren(drawShares(data.strategies, x, names.new));
    shares.querySelector(".axis .plot").replaceChildren(drawAxis(x));
    scrub.min = x.from;
    scrub.max = x.to;
    show(Math.min(kept, x.to));
  }

  function build() {
    rows = data.strategies.map(strategy => {
      const plot = tag("div", {class: "plot"}), values = tag("span", {class: "values"});
      const side = tag("div", {class: "side"}, tag("b", {}, strategy.name), tag("span", {}, strategy.ending), values);
      const row = tag("div", {class: "chart", "data-strategy": strategy.name}, side, plot);
      return {strategy, row, plot, values};
    });
    const axis = () => tag("div", {class: "chart axis"}, tag("div", {class: "side"}), tag("div", {class: "plot"}));
    charts.append(...rows.map(one => one.row), axis());
    shares.append(tag("div", {class: "chart"}, tag("div", {class: "side values", id: "share-values"}), tag("div", {class: "plot"})), axis());
    for (const area of [charts, shares]) {
      area.addEventListener("pointermove", event => point(event, false));
      area.addEventListener("pointerdown", event => point(event, true));
      area.addEventListener("pointerleave", () => show(kept));
    }
  }

  function point(event, isKept) {
    const box = charts.querySelector(".plot").getBoundingClientRect();
    if (event.clientX < box.left - 4 || event.clientX > box.right + 4) return;
    const time = x.time((event.clientX - box.left) / box.width * x.width);
    if (isKept) kept = time;
    show(time);
  }

  // one moment

  function show(time) {
    const at = x.of(time);
    for (const line of document.querySelectorAll("svg .cross")) {
      line.setAttribute("x1", at);
      line.setAttribute("x2", at);
    }
    for (const axis of document.querySelectorAll(".axis svg")) showMoment(axis, Math.min(Math.max(at, 16), x.width - 16), seconds(time));
    for (const {strategy, row, values} of rows) {
      values.replaceChildren(...readout(strategy, time));
      row.classList.toggle("chosen", strategy === chosen);
    }
    document.getElementById("share-values").replaceChildren(...data.strategies.flatMap(one => {
      const i = place(one, time), share = i < 0 ? null : shareOf(one, i);
      return [tag("span", {}, `${one.name} ${share === null ? "–" : Math.round(share * 100) + "%"}`), " ", tag("br")];
    }));
    scrub.value = time;
    scrub.setAttribute("aria-valuetext", seconds(time));
    showStep(time);
  }

  // The moment's own label, and none of the axis' below it.
  function showMoment(axis, at, said) {
    for (const text of axis.querySelectorAll("text")) {
      const isMoment = text.classList.contains("moment");
      if (isMoment) text.setAttribute("x", at);
      if (isMoment) text.textContent = said;
      else text.style.visibility = Math.abs(Number(text.getAttribute("x")) - at) < 40 ? "hidden" : "";
    }
  }

  function readout(strategy, time) {
    const i = place(strategy, time);
    if (i < 0) return [time > strategy.end ? "over" : "not begun"];
    const ready = strategy.readyOld[i] + strategy.readyNew[i], pods = strategy.podsOld[i] + strategy.podsNew[i];
    const said = [`${names.old} ${count(strategy.old[i])}/s`, `${names.new} ${count(strategy.new[i])}/s`,
      `lost ${count(strategy.lost[i])}/s`, `${pods} pods, ${ready} ready`];
    const other = strategy.measured, j = other ? place(other, time) : -1;
    if (j >= 0) said.push(`measured ${count(other.old[j])}, ${count(other.new[j])}, lost ${count(other.lost[j])}/s`);
    return said.flatMap(text => [tag("span", {}, text), " ", tag("br")]);
  }

  // the steps of one release: before it, each mark, and its end

  function stops() {
    const marks = chosen.marks.map(({at, text, weight}) => {
      const isSaid = weight === null || text.includes(`${weight}%`);
      return {at, text: isSaid ? text : `${text} (${weight}%)`};
    });
    return [{at: chosen.start, text: `before: all on ${names.old}`}, ...marks, {at: chosen.end, text: chosen.ending}];
  }

  function showStep(time) {
    const all = stops();
    let number = all.length - 1;
    while (number && all[number].at > time + 1e-6) number--;
    steps.max = all.length - 1;
    steps.value = number;
    steps.setAttribute("aria-valuetext", `${seconds(all[number].at)}: ${all[number].text}`);
    const i = Math.max(place(chosen, Math.min(time + 1e-6, chosen.end)), 0), share = shareOf(chosen, i);
    const [old, fresh] = SIDES.map(([side]) => `${chosen["ready" + side][i]} of ${chosen["pods" + side][i]}`);
    const facts = [share === null ? "nobody is answered" : `${Math.round(share * 100)}% of answers from ${names.new}`,
      `ready: ${old} of ${names.old}, ${fresh} of ${names.new}`, `lost ${count(chosen.lost[i])}/s`];
    state.replaceChildren(tag("span", {class: "doing"}, `${number}/${all.length - 1} · ${seconds(all[number].at)} · ${all[number].text}`),
      tag("span", {class: "facts"}, `at ${seconds(time)}: ${facts.join(" · ")}`), ...podPicture(i));
  }

  // A square a pod, pale where it is not ready; of more than fit, the numbers tell.
  function podPicture(i) {
    const kinds = SIDES.flatMap(([side, kind]) => {
      const ready = chosen["ready" + side][i], all = Math.max(chosen["pods" + side][i], ready);
      return [...Array(ready).fill("f-" + kind), ...Array(all - ready).fill(`f-${kind} unready`)];
    });
    if (kinds.length > 24) return [];
    const squares = kinds.map((kind, n) => svg("rect", {class: kind, x: n * 15, y: 1, width: 12, height: 12, rx: 2}));
    const width = Math.max(kinds.length * 15, 1);
    return [tag("span", {class: "pods"}, svg("svg", {width, height: 14, viewBox: `0 0 ${width} 14`, "aria-hidden": "true"}, ...squares))];
  }

  function go(number) {
    const all = stops();
    kept = Math.min(all[Math.min(Math.max(number, 0), all.length - 1)].at, x.to);
    show(kept);
  }

  function controls() {
    pick.append(...data.strategies.map((one, number) => tag("option", {value: number}, one.name)));
    pick.value = data.strategies.indexOf(chosen);
    pick.addEventListener("change", () => { chosen = data.strategies[pick.value]; go(1); });
    const ends = [...new Map(data.strategies.map(one => [one.end, one])).values()].sort((a, b) => a.end - b.end);
    const whole = data.axis[1];
    zoom.append(tag("option", {value: whole}, "all of it"));
    zoom.append(...ends.filter(one => one.end < whole * .6).map(one => tag("option", {value: one.end}, `until ${one.name} ends, ${seconds(one.end)}`)));
    document.getElementById("zoom-label").hidden = zoom.options.length < 2;
    zoom.addEventListener("change", () => { kept = Math.min(kept, Number(zoom.value)); draw(); });
    steps.addEventListener("input", () => go(Number(steps.value)));
    document.getElementById("back").addEventListener("click", () => go(Number(steps.value) - 1));
    document.getElementById("on").addEventListener("click", () => go(Number(steps.value) + 1));
    scrub.addEventListener("input", () => { kept = Number(scrub.value); show(kept); });
    document.getElementById("controls").hidden = document.getElementById("scrub-label").hidden = false;
  }

  legend();
  build();
  controls();
  draw();
  go(chosen.marks.findIndex(mark => mark.weight > 0 && mark.weight < 100) + 1 || 1);
  let width = charts.clientWidth;
  new ResizeObserver(() => {
    if (charts.clientWidth !== width) { width = charts.clientWidth; draw(); }
  }).observe(charts);
})();
