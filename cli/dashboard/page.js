// The page: it shows what the server tells, as text and never as markup, and asks for plans.

"use strict";

const at = id => document.getElementById(id);
const TOKEN = "rollway-token", RETRY_MS = 1000, MOST_RETRY_MS = 10000;
let open = "", place = null, stream = null, known = null, chosen = null;

// the token: out of the address bar at once, kept for this tab alone

function token() {
  const found = /^#token=([\w-]+)$/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(TOKEN, found[1]);
    history.replaceState(null, "", "/");
  }
  return sessionStorage.getItem(TOKEN) || "";
}

const headers = () => ({Authorization: `Bearer ${token()}`});

async function post(path, data) {
  const answer = await fetch(path, {method: "POST", headers: {...headers(), "Content-Type": "application/json"}, body: JSON.stringify(data)});
  return answer.json();
}

// elements: text is always text

function tag(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value !== undefined && value !== false) made.setAttribute(key, value);
  made.append(...children.filter(each => each !== "" && each !== null && each !== undefined));
  return made;
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function wide(element, percent) {
  element.style.width = `${Math.min(Math.max(percent, 0), 100)}%`;
  return element;
}

const TONES = {unreadable: "bad", failed: "bad", paused: "waiting", interrupted: "bad", progressing: "going", rolledBack: "soft",
  promoted: "good", Failed: "bad", Paused: "waiting", Progressing: "going", RolledBack: "soft", Promoted: "good"};
const GETS = {requests: "receives requests", copies: "receives copies of requests", nothing: "receives no requests"};
const PHASES = {RolledBack: "rolled back", Progressing: "on its way"};
const phaseOf = phase => PHASES[phase] || String(phase).toLowerCase();
const moment = stamp => stamp ? stamp.slice(0, 19).replace("T", " ") : "";

function age(stamp) {
  const seconds = Math.max((Date.now() - Date.parse(stamp)) / 1000, 0);
  if (!(seconds >= 0)) return "";
  const [size, unit] = seconds < 120 ? [1, "s"] : seconds < 7200 ? [60, "min"] : seconds < 172800 ? [3600, "h"] : [86400, "d"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

// what the server tells

async function listen() {
  let pause = RETRY_MS;
  for (;;) {
    const mine = stream = new AbortController();
    let why = "the dashboard does not answer: it was ended, or is being started again";
    try {
      const answer = await fetch(`/api/events${open ? `?app=${encodeURIComponent(open)}` : ""}`, {headers: headers(), signal: mine.signal});
      if (answer.ok) {
        pause = RETRY_MS;
        await read(answer.body);
      } else {
        const {error} = await answer.json();
        why = error.summary;
        if ([401, 403, 421].includes(answer.status)) return lost(why);
      }
    } catch (error) {
      if (mine.signal.aborted) continue;  // another application was opened
      if (!(error instanceof TypeError)) throw error;  // a bug of ours; the network's are TypeErrors
    }
    lost(why);
    await new Promise(done => { setTimeout(done, pause); mine.signal.addEventListener("abort", done); });
    pause = Math.min(pause * 2, MOST_RETRY_MS);
  }
}

async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event);
      HEARD[name](JSON.parse(data));
    }
  }
}

function lost(why) {
  at("line").textContent = "not connected";
  at("line").className = "lost";
  alarm(why);
}

function alarm(text) {
  at("alarm").hidden = !text;
  if (at("alarm").textContent !== text) at("alarm").textContent = text;
}

const HEARD = {
  hello(told) {
    place = told;
    at("place").textContent = `${told.namespace ? `namespace ${told.namespace}` : "all namespaces"} of ${told.cluster}`;
    at("line").textContent = told.mayAct ? "live" : "live, to look at";
    at("line").className = "";
    alarm("");
  },
  problem(told) { alarm([told.summary, told.detail].filter(Boolean).join(": ")); },
  list(told) {
    alarm(told.lost ? `as it was: ${told.lost}` : "");
    showList(told.releases);
  },
  app: showApp, history: showHistory, next: showNext, run: showRun,
};

// all applications

const rows = new Map();

function showList(releases) {
  const keys = releases.map(each => `${each.namespace}/${each.app}`);
  for (const [key, row] of rows) if (!keys.includes(key)) { row.remove(); rows.delete(key); }
  releases.forEach((each, number) => {
    const key = keys[number];
    if (!rows.has(key)) rows.set(key, tag("li", {}, tag("a", {href: `#${key}`})));
    const row = rows.get(key), link = row.firstChild;
    const name = place.namespace ? each.app : key, isGoing = ["paused", "progressing", "interrupted", "failed"].includes(each.state);
    link.replaceChildren(
      tag("span", {class: "who"}, tag("b", {}, name), tag("span", {}, each.said.versions)),
      tag("span", {class: "what"}, tag("span", {class: TONES[each.state]}, each.said.phase), each.since ? ` · ${age(each.since)}` : "",
        each.strategy ? ` · ${each.strategy}` : ""),
      isGoing && each.liveRevision !== each.revision ? tag("span", {class: "share"}, wide(tag("i", {}), each.weight)) : "");
    if (at("list").children[number] !== row) {
      const focused = row.contains(document.activeElement);
      at("list").insertBefore(row, at("list").children[number] || null);
      if (focused) link.focus();
    }
  });
  at("none").hidden = releases.length > 0;
  if (!open && releases.length && matchMedia("(min-width: 761px)").matches) location.replace(`#${keys[0]}`);
  mark();
}

function mark() {
  for (const [key, row] of rows) {
    if (key === open) row.firstChild.setAttribute("aria-current", "page");
    else row.firstChild.removeAttribute("aria-current");
  }
}

// one application

function turn() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted === "app" || wanted.startsWith("token=")) return;
  open = wanted;
  known = null;
  document.body.classList.toggle("open", Boolean(open));
  for (const id of ["phase", "facts", "bands", "gates-body", "next", "pods", "history", "run-body"]) at(id).replaceChildren();
  at("run").hidden = at("gates").hidden = true;
  at("promote").disabled = at("rollback").disabled = true;
  at("app").hidden = !open;
  const [namespace, name] = open.split("/");
  at("name").replaceChildren(name || "", " ", tag("small", {class: "soft"}, `namespace ${namespace}`));
  document.title = name ? `${name} · rollway` : "rollway";
  mark();
  if (stream) stream.abort();
}

function showApp(told) {
  known = told;
  const {said} = told;
  at("phase").className = `phase ${TONES[told.phase] || ""}`;
  if (at("phase").textContent !== said.phase) at("phase").textContent = said.phase;
  const facts = [said.lost && `as it was: ${said.lost}`, said.message, said.waits, told.pauseLeft > 0 && `left of its pause: ${told.pauseLeft} s`,
    said.run, ...told.gone.map(name => `${name} is gone: somebody deleted it`), ...told.remarks, ...told.sides.flatMap(drift)];
  at("facts").replaceChildren(...facts.filter(Boolean).map(text => tag("li", {}, text)));
  const isUnderWay = ["Paused", "Progressing", "Failed"].includes(told.phase);
  at("promote").disabled = !isUnderWay;
  at("rollback").disabled = !told.phase;
  showBands(told, isUnderWay);
  showGates(told);
  at("pods").replaceChildren(...told.tree.map(stem));
}

function showBands(told, isUnderWay) {
  const last = told.version, live = told.live ? told.live.version : "";
  const isBeside = isUnderWay && told.live && told.live.number !== told.revision;
  const bar = (name, percent) => tag("div", {class: "band"}, tag("span", {class: "soft"}, name),
    tag("div", {class: "bar", role: "img", "aria-label": `${name}: ${percent}% of requests to ${last}`}, wide(tag("div", {class: "new"}), percent)));
  if (!isBeside) {
    at("bands").replaceChildren(tag("p", {}, told.live ? `all requests reach ${live}` : "nothing serves yet"));
    return;
  }
  const {asked, given} = told.share, count = value => `${Number(value.toFixed(1))}%`;
  at("bands").replaceChildren(...[bar("asked", asked), bar("given", given || 0),
    tag("p", {class: "key"},
      tag("span", {}, tag("i", {class: "new"}), `${last}: ${count(asked)} asked, ${given === null ? "nothing of it answers" : `${count(given)} given`}`),
      tag("span", {}, tag("i", {class: "old"}), live)), stairs(told)].filter(Boolean));
}

const GLYPHS = {Passed: ["✓", "good"], Failed: ["✗", "bad"], Running: ["·", ""], Inconclusive: ["!", "waiting"], Error: ["!", "bad"]};

function showGates(told) {
  at("gates").hidden = !told.gates.length;
  at("gates-body").replaceChildren(...told.gates.map(gate => {
    const [glyph, tone] = GLYPHS[Object.keys(GLYPHS).find(each => each.toLowerCase() === gate.phase.toLowerCase())] || ["·", ""];
    return tag("li", {}, tag("span", {class: tone, "aria-label": gate.phase}, glyph),
      tag("span", {}, tag("b", {}, gate.name), ` ${told.said.gates[gate.name]}`), narrowing(gate) || chart(gate));
  }));
}

// what a gate has measured over time: the new version, the stable one beside it, and the bounds

function chart(gate) {
  const points = gate.points.filter(each => Number.isFinite(each.figure)), times = points.map(each => Date.parse(each.at));
  if (points.length < 2) return "";
  const bounds = ["atLeast", "atMost"].map(name => gate.figures && gate.figures[name]).filter(Number.isFinite);
  const values = [...points.flatMap(each => [each.figure, each.stable]).filter(Number.isFinite), ...bounds];
  const low = Math.min(0, ...values), span = Math.max(...values) - low || 1, first = times[0], whole = times.at(-1) - first || 1;
  const y = value => (58 - (value - low) / span * 56).toFixed(1);
  const line = (name, key) => svg("polyline", {class: name, points: points.flatMap((each, number) =>
    Number.isFinite(each[key]) ? [`${((times[number] - first) / whole * 600).toFixed(1)},${y(each[key])}`] : []).join(" ")});
  const label = `${gate.name} over time, last ${points.at(-1).said}${bounds.length ? `, bound ${bounds.join(" and ")}` : ""}`;
  return svg("svg", {viewBox: "0 0 600 60", preserveAspectRatio: "none", role: "img", "aria-label": label},
    ...bounds.map(bound => svg("line", {class: "bound", x1: 0, x2: 600, y1: y(bound), y2: y(bound)})), line("old", "stable"), line("new", "figure"));
}

// how an experiment's interval narrows: where the difference may be, what was seen, and zero between better and worse

function narrowing(gate) {
  const points = gate.points.filter(each => each.interval);
  if (points.length < 2) return "";
  const first = Date.parse(points[0].at), whole = Date.parse(points.at(-1).at) - first || 1, last = points.at(-1).interval;
  const reach = 1.5 * Math.max(Math.abs(last.low), Math.abs(last.high)) || 1;
  const place = (each, key) => `${((Date.parse(each.at) - first) / whole * 600).toFixed(1)},`
    + (30 - Math.min(Math.max(each.interval[key] / reach, -1), 1) * 28).toFixed(1);
  const amount = value => gate.figures.relative ? `${Number((100 * value).toPrecision(3))}%` : String(Number(value.toPrecision(3)));
  const label = `${gate.name}: b minus a over time, last ${amount(last.estimate)} (${amount(last.low)} to ${amount(last.high)})`;
  return svg("svg", {viewBox: "0 0 600 60", preserveAspectRatio: "none", role: "img", "aria-label": label},
    svg("polygon", {class: "area", points: [...points.map(each => place(each, "low")), ...points.map(each => place(each, "high")).reverse()].join(" ")}),
    svg("line", {class: "zero", x1: 0, x2: 600, y1: 30, y2: 30}), svg("polyline", {class: "new", points: points.map(each => place(each, "estimate")).join(" ")}));
}

// the share asked for since the release began, as its history tells

function stairs(told) {
  const newest = told.tree.map(each => each.revision).find(each => each && each.number === told.revision);
  const turns = newest ? newest.entries.map(each => [Date.parse(each.at), each.phase === "RolledBack" ? 0 : each.weight]) : [];
  if (turns.length < 2) return "";
  const first = turns[0][0], whole = Math.max(Date.now(), turns.at(-1)[0] + 1) - first;
  let line = "M0,50";
  for (const [when, weight] of turns) line += `H${((when - first) / whole * 600).toFixed(1)}V${50 - weight / 2}`;
  line += "H600";
  const made = svg("svg", {class: "stairs", viewBox: "0 -2 600 54", preserveAspectRatio: "none", role: "img",
    "aria-label": `share asked for since ${moment(newest.entries[0].at)} UTC: ${turns.map(each => `${each[1]}%`).join(", ")}`},
    svg("path", {class: "area", d: `${line}V50H0Z`}), svg("path", {class: "line", d: line}));
  return tag("div", {}, made, tag("small", {}, `asked for since ${moment(newest.entries[0].at)} UTC, up to now`));
}

function drift(side) {
  const runs = side.otherThan ? [`${side.name} runs ${side.image}; ${side.otherThan}`] : [];
  return [...runs, ...side.changed.map(each => `${side.name} was changed since the release by ${each.by}: ${each.fields.join(", ")}`)];
}

function stem(each) {
  const {revision} = each, word = each.isLive ? "live" : revision ? phaseOf(revision.phase) : "";
  const name = revision ? `revision ${revision.number} · ${revision.version}` : "pods of no revision that is known";
  return tag("div", {class: "revision"}, tag("p", {}, name, " ", tag("span", {class: revision ? TONES[revision.phase] : "soft"}, word)),
    ...each.deployments.map(branch => tag("div", {class: "deployment"},
      tag("p", {}, `Deployment ${branch.name} `, tag("small", {}, `${branch.ready} of ${branch.wanted} ready, `
        + (branch.isNewest ? branch.message || GETS[branch.gets] : "its former pods"))),
      tag("ul", {class: "pods"}, ...branch.pods.map(pod => tag("li", {},
        tag("span", {}, pod.name), tag("span", {class: pod.isReady ? "good" : pod.trouble ? "bad" : "waiting"}, pod.status),
        tag("span", {}, `${pod.ready}/${pod.containers} ready${pod.restarts ? `, ${pod.restarts} restarts` : ""}`),
        tag("span", {class: "age soft"}, age(pod.created)),
        pod.trouble ? tag("span", {class: "trouble bad"}, pod.trouble) : ""))))));
}

function showHistory(told) {
  const line = each => {
    const entry = each.entries[each.entries.length - 1] || {};
    const cells = [String(each.number), each.version, each.strategy, null, moment(entry.at || each.ended || each.started), entry.by || each.by];
    const made = [tag("tr", {}, ...cells.map((text, number) => number === 3
      ? tag("td", {class: TONES[each.phase]}, each.isLive ? "live" : phaseOf(each.phase)) : tag("td", {}, text)))];
    if (each.message) made.push(tag("tr", {}, tag("td", {class: "why"}), tag("td", {class: "why", colspan: 5}, each.message)));
    return made;
  };
  at("history").replaceChildren(...told.revisions.slice().reverse().flatMap(line));
}

// plans, and what is done by them

function planned(plan) {
  const steps = plan.steps.filter(each => !each.quiet);
  return [
    tag("p", {class: "lead"}, plan.said.title, plan.said.reached && plan.weight < 100 ? tag("small", {}, ` ${plan.said.reached}`) : ""),
    plan.isEmpty ? tag("p", {class: "soft"}, "nothing to do: all is as it is to be") : stepList(steps),
    ...plan.notes.map(text => tag("p", {class: "soft"}, text)),
    plan.said.back ? tag("p", {class: "soft"}, `way back: ${plan.said.back}`) : "",
  ].filter(Boolean);
}

function stepList(steps) {
  const mark = {done: "✓", doing: "…", failed: "✗"};
  return tag("ol", {class: "steps", role: "list"}, ...steps.map(each => tag("li", {class: each.state || ""},
    tag("span", {"aria-label": each.state || false}, mark[each.state] || each.glyph), tag("span", {}, each.object),
    tag("span", {}, each.what, each.now || each.why ? tag("small", {class: "soft"}, each.now || each.why) : ""))));
}

function problem(error) {
  return [tag("p", {class: "bad"}, error.summary), error.detail ? tag("pre", {}, error.detail) : "", error.hint ? tag("p", {class: "soft"}, error.hint) : ""]
    .filter(Boolean);
}

function showNext(told) {
  const shown = told.error ? problem(told.error) : told.plan ? planned(told.plan) : [tag("p", {class: "soft"}, "nothing is under way")];
  at("next").replaceChildren(...shown);
}

const STATES = {running: "is under way", done: "is done", failed: "failed", refused: "was refused", stopped: "was stopped"};

function showRun(told) {
  at("run").hidden = false;
  at("run-title").textContent = `The ${told.action === "promote" ? "promotion" : "rollback"} from this page ${STATES[told.state]}`;
  const parts = told.parts.flatMap(part => [tag("p", {class: "lead"}, part.isWayBack ? `way back: ${part.title}` : part.title),
    stepList(part.steps.filter(each => !each.quiet))]);
  at("run-body").replaceChildren(...parts, ...(told.error ? problem(told.error) : []), ...told.notes.map(text => tag("p", {class: "soft"}, text)));
}

async function ask(action) {
  const [namespace, app] = open.split("/");
  chosen = null;
  at("ask-title").textContent = `${action === "promote" ? "Promote" : "Roll back"} ${app}`;
  at("ask-body").replaceChildren(tag("p", {class: "soft"}, "planning…"));
  at("confirm").hidden = true;
  at("cancel").textContent = "Close";
  at("ask").showModal();
  const told = await reached(() => post("/api/plan", {namespace, app, action}));
  if (!at("ask").open || open !== `${namespace}/${app}`) return;
  if (told.error) { at("ask-body").replaceChildren(...problem(told.error)); return; }
  at("ask-body").replaceChildren(...planned(told.plan));
  if (told.plan.id) {
    chosen = told.plan.id;
    at("confirm").textContent = action === "promote" ? "Promote" : "Roll back";
    at("cancel").textContent = "Cancel";
    at("confirm").hidden = false;
  } else if (!told.plan.isEmpty) {
    at("ask-body").append(tag("p", {class: "soft"}, "This dashboard changes nothing. In a terminal: "),
      tag("code", {}, `deploy ${action} ${app} -n ${namespace}`));
  }
}

async function reached(send) {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return {error: {summary: "the dashboard does not answer", detail: "", hint: "see whether `deploy dashboard` still runs"}};
  }
}

at("promote").addEventListener("click", () => ask("promote"));
at("rollback").addEventListener("click", () => ask("rollback"));
at("confirm").addEventListener("click", async () => {
  at("confirm").hidden = true;
  at("cancel").textContent = "Close";
  const told = await reached(() => post("/api/run", {plan: chosen}));
  if (told.error) at("ask-body").replaceChildren(...problem(told.error));
  else at("ask").close();
});
at("skip").addEventListener("click", event => { event.preventDefault(); at("app").focus(); });
addEventListener("hashchange", () => { if (location.hash.startsWith("#token=")) location.reload(); else turn(); });

token();
turn();
listen();
