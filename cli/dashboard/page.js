// Draws what the server tells. Whatever comes from a cluster is text: it is only ever set as textContent or an attribute's value.

const token = location.hash.slice(1);
const byId = (id) => document.getElementById(id);
const PHASES = {Promoted: "good", Paused: "wait", Progressing: "wait", Failed: "bad", RolledBack: "bad"};
const STATES = {promoted: "good", paused: "wait", progressing: "wait", interrupted: "bad", failed: "bad", rolledBack: "", unreadable: "bad"};
const WORDS = {RolledBack: "rolled back", rolledBack: "rolled back"};
const word = (name) => WORDS[name] ?? (name ?? "").toLowerCase();

function make(tag, {text, class: named, ...attributes} = {}, ...children) {
  const found = tag === "svg" || SHAPES.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  if (named) found.setAttribute("class", named);
  if (text !== undefined) found.textContent = text;
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  found.append(...children.filter((child) => child !== null));
  return found;
}
const SHAPES = new Set(["path", "title"]);

async function ask(path, options = {}) {
  return fetch(path, {...options, headers: {...options.headers, Authorization: `Bearer ${token}`}});
}

async function post(path, body) {
  const answer = await ask(path, {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"}});
  const found = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {error: {summary: await answer.text()}};
  if (found.error) throw found.error;
  return found;
}

// Server-sent events by fetch: an EventSource cannot send a token but in its address, which is logged.
function feed(path, tell, lost) {
  const stop = new AbortController();
  (async () => {
    for (let wait = 500; !stop.signal.aborted; wait = Math.min(wait * 2, 8000)) {
      try {
        const answer = await ask(path, {signal: stop.signal});
        if (!answer.ok) {
          lost((await answer.text()).trim());
          if (answer.status === 401 || answer.status === 404) return;
        } else {
          wait = 500;
          await read(answer.body, tell);
          lost("the dashboard has ended");
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        lost("the dashboard does not answer");
      }
      await new Promise((done) => setTimeout(done, wait));
    }
  })();
  return () => stop.abort();
}

async function read(body, tell) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let kept = ""; ;) {
    const {value, done} = await reader.read();
    if (done) return;
    const parts = (kept + value).split("\n\n");
    kept = parts.pop();
    for (const part of parts) if (part.startsWith("data: ")) tell(JSON.parse(part.slice(6)));
  }
}

// all of them

let chosen = "", mayAct = false, endOne = () => {};
const key = (app) => `${app.namespace}/${app.app}`;

function say(text, style = "bad") {
  byId("state").textContent = text;
  byId("state").className = style;
}

function drawAll(found) {
  if (found.error) return say([found.error.summary, found.error.hint].filter(Boolean).join("; "));
  mayAct = found.mayAct;
  byId("where").textContent = `${found.where} · ${found.namespace ? `namespace ${found.namespace}` : "all namespaces"}`;
  say(found.lost || (mayAct ? "live · may promote and roll back" : "live · only shows"), found.lost ? "bad" : "good");
  const focused = document.activeElement?.dataset?.key;
  byId("apps").replaceChildren(...found.releases.map((app) => make("li", {}, entry(app, !found.namespace))));
  if (!found.releases.length) byId("apps").append(make("li", {class: "soft", text: "rollway has released nothing here yet"}));
  if (focused) document.querySelector(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
  if (!chosen && found.releases.length) choose(key(found.releases[0]));
}

function entry(app, isEverywhere) {
  const versions = app.liveVersion && app.version !== app.liveVersion && app.phase !== "RolledBack" ? `${app.liveVersion} → ${app.version}` : app.liveVersion || app.version;
  const share = app.state === "paused" || app.state === "progressing" ? ` at ${app.weight}%` : "";
  const button = make("button", {type: "button", "data-key": key(app), "aria-current": String(key(app) === chosen)},
    make("b", {text: app.app}),
    isEverywhere ? make("small", {text: app.namespace}) : null,
    make("span", {text: versions}),
    make("span", {class: STATES[app.state] ?? "", text: `${word(app.state)}${share}`}));
  button.addEventListener("click", () => choose(key(app), true));
  return button;
}

function choose(which, isFocused = false) {
  if (which === chosen) return;
  endOne();
  chosen = which;
  for (const each of document.querySelectorAll("nav button")) each.setAttribute("aria-current", String(each.dataset.key === which));
  byId("one").hidden = false;
  byId("one").replaceChildren(make("p", {class: "soft", text: "looking"}));
  if (isFocused) byId("one").focus();
  endOne = feed(`/api/apps/${which}`, (found) => which === chosen && drawOne(found), (why) => which === chosen && note(why));
}

function note(why) {
  byId("lost")?.remove();
  byId("one").prepend(make("p", {id: "lost", class: "bad", text: why}));
}

// one of them

function drawOne(found) {
  if (found.error) return note(found.error.summary);
  const one = byId("one");
  const focused = document.activeElement?.id;
  const isUnderWay = found.phase && found.phase !== "Promoted" && found.phase !== "RolledBack";
  one.replaceChildren(...[
    found.lost ? make("p", {class: "bad", text: found.lost}) : null,
    make("h2", {text: `${found.app} ${found.version}`}),
    make("p", {class: PHASES[found.phase] ?? "", text: `${word(found.phase)} by ${found.strategy}${isUnderWay ? `, ${found.weight}% asked` : ""}`}),
    found.waitsFor ? make("p", {class: "wait", text: `waits for ${found.waitsFor}`}) : null,
    found.pauseLeft > 0 ? make("p", {class: "soft", text: `${span(found.pauseLeft)} left of its pause`}) : null,
    found.run ? make("p", {class: "soft", text: `run by ${found.run.by}${found.run.isGone ? ", which is gone" : ""}`}) : null,
    ...found.remarks.map((text) => make("p", {class: "bad", text})),
    ...found.sides.flatMap(drift).map((text) => make("p", {class: "bad", text})),
    ...found.gone.map((name) => make("p", {class: "bad", text: `${name} is gone: somebody deleted it`})),
    ...shares(found),
    doing(found),
    ...pods(found.tree),
    ...gates(found.gates),
    ...past(found.history),
  ].filter(Boolean));
  if (focused) byId(focused)?.focus();
}

function drift(side) {
  const runs = side.otherThan ? [`${side.name} runs ${side.image}; ${side.otherThan}`] : [];
  return [...runs, ...side.changed.map((each) => `${side.name} was changed since the release by ${each.by}: ${each.fields.join(", ")}`)];
}

function shares(found) {
  const given = found.share.given ?? found.share.asked;
  const band = make("div", {class: "band", role: "img", "aria-label": `${Math.round(given)}% of requests go to the new version`}, make("i"));
  band.firstChild.style.width = `${Math.max(0, Math.min(100, given))}%`;
  const newest = found.history.at(-1);
  const steps = (newest?.entries ?? []).map((each) => [Date.parse(each.at), each.phase === "RolledBack" ? 0 : each.weight]);
  const told = found.share.given === null ? `${found.share.asked}% of requests` : `${round(found.share.given)}% of requests get it, ${found.share.asked}% asked`;
  const drawn = steps.length > 1 ? [stairs(steps, found.phase === "Promoted" || found.phase === "RolledBack" ? steps.at(-1)[0] : Date.now())] : [];
  const since = make("small", {text: `since ${steps.length ? new Date(steps[0][0]).toISOString().slice(0, 16).replace("T", " ") : ""} UTC`});
  return found.phase ? [make("h3", {text: "Share of the new version"}), band, make("small", {text: told}), ...drawn, drawn.length ? since : null] : [];
}

function stairs(steps, end) {
  const [from, to] = [steps[0][0], Math.max(end, steps.at(-1)[0] + 1)];
  const x = (at) => (1000 * (at - from)) / (to - from);
  let line = `M0,100`;
  steps.forEach(([at, weight]) => { line += `H${x(at).toFixed(1)}V${100 - weight}`; });
  line += "H1000";
  const label = `from 0% to ${steps.at(-1)[1]}% within ${span((to - from) / 1000)}`;
  return make("svg", {viewBox: "0 -4 1000 108", preserveAspectRatio: "none", role: "img", "aria-label": label},
    make("path", {class: "area", d: `${line}V100H0Z`}), make("path", {class: "line", d: line}));
}

function doing(found) {
  const row = make("div", {class: "row"});
  const isOn = ["Paused", "Progressing", "Failed"].includes(found.phase);
  for (const [action, is] of [["promote", isOn], ["rollback", found.phase !== null]]) {
    if (!is) continue;
    const button = make("button", {type: "button", id: `do-${action}`, text: `Plan of ${action}`});
    button.addEventListener("click", () => plan(found.app, found.namespace, action));
    row.append(button);
  }
  return row;
}

function pods(tree) {
  return [make("h3", {text: "Pods"}), ...tree.flatMap((stem) => stem.deployments.map((each) => make("div", {},
    make("span", {text: `${stem.revision ? `revision ${stem.revision.number} · ${stem.revision.version}` : "of no known revision"} · ${each.name} `}),
    make("small", {class: each.ready < each.wanted ? "wait" : "soft", text: `${each.ready} of ${each.wanted} ready${each.isRouted ? ", receives requests" : ""}`}),
    each.message ? make("p", {class: "bad", text: each.message}) : null,
    make("ul", {class: "pods"}, ...each.pods.map((pod) => make("li", {
      class: pod.isReady ? "ready" : pod.trouble ? "trouble" : "", title: pod.name,
      text: `${pod.name.split("-").at(-1)} ${pod.status}${pod.restarts ? `, ${pod.restarts} restarts` : ""}${pod.trouble ? `: ${pod.trouble}` : ""}`,
    }))))))];
}

const GATES = {passed: "good", failed: "bad", running: "", inconclusive: "wait", error: "wait"};

function gates(found) {
  if (!found.length) return [];
  return [make("h3", {text: "Gates"}), ...found.flatMap((gate) => [
    make("p", {}, make("b", {text: gate.name}), make("span", {class: GATES[gate.phase] ?? "", text: ` ${gate.phase}`})),
    make("p", {text: gate.why || gate.notMeasured || ""}),
    make("small", {text: `wanted ${gate.wanted}`}),
    chart(gate),
  ].filter(Boolean))];
}

function chart(gate) {
  const points = (gate.points ?? []).filter((point) => point.figure !== null && point.figure !== undefined);
  if (points.length < 2) return null;
  const at = points.map((point) => Date.parse(point.at));
  const bounds = ["atLeast", "atMost"].map((name) => gate.figures?.[name]).filter((value) => value !== undefined);
  const values = [...points.flatMap((point) => [point.figure, point.stable ?? point.figure]), ...bounds];
  const [low, high] = [Math.min(0, ...values), Math.max(...values) * 1.05 || 1];
  const x = (time) => (1000 * (time - at[0])) / (at.at(-1) - at[0] || 1);
  const y = (value) => 100 - (100 * (value - low)) / (high - low || 1);
  const line = (pick) => points.map((point, place) => `${place ? "L" : "M"}${x(at[place]).toFixed(1)},${y(pick(point)).toFixed(1)}`).join("");
  const label = `${gate.name}: last ${round(points.at(-1).figure)}${bounds.length ? `, bound ${bounds.join(" and ")}` : ""}`;
  return make("svg", {viewBox: "0 -4 1000 108", preserveAspectRatio: "none", role: "img", "aria-label": label},
    ...bounds.map((bound) => make("path", {class: "bound", d: `M0,${y(bound)}H1000`})),
    points.every((point) => point.stable !== null && point.stable !== undefined) ? make("path", {class: "stable", d: line((point) => point.stable)}) : null,
    make("path", {class: "line", d: line((point) => point.figure)}));
}

function past(history) {
  const rows = [...history].reverse().slice(0, 12).map((each) => make("tr", {},
    make("td", {text: each.number}),
    make("td", {class: "short"}, make("span", {text: each.version}), each.isLive ? make("small", {class: "good", text: " live"}) : null),
    make("td", {class: PHASES[each.phase] ?? "", text: word(each.phase)}, each.message ? make("small", {text: ` ${each.message}`}) : null),
    make("td", {class: "wide short", text: each.strategy}),
    make("td", {class: "wide short", text: (each.entries.at(-1)?.at ?? each.started).slice(0, 19).replace("T", " ")}),
    make("td", {class: "wide", text: each.entries.at(-1)?.by ?? each.by})));
  const head = [["#", ""], ["version", ""], ["phase", ""], ["strategy", "wide"], ["since (UTC)", "wide"], ["by", "wide"]];
  return [make("h3", {text: "History"}), make("table", {},
    make("thead", {}, make("tr", {}, ...head.map(([text, named]) => make("th", {scope: "col", class: named, text})))), make("tbody", {}, ...rows))];
}

// doing

async function plan(app, namespace, action) {
  const [dialog, run, said] = [byId("plan"), byId("plan-run"), byId("plan-said")];
  byId("plan-title").textContent = `${action} ${app}`;
  byId("plan-lines").textContent = "planning";
  said.textContent = "";
  run.hidden = true;
  dialog.showModal();
  try {
    const found = await post(`/api/apps/${namespace}/${app}/plan`, {action});
    byId("plan-lines").textContent = found.lines.join("\n");
    run.hidden = !found.mark;
    run.disabled = false;
    run.textContent = `Do it: ${action} ${app}`;
    run.onclick = () => doIt(app, namespace, found.mark);
    if (!found.mark && !found.isEmpty) said.textContent = mayAct ? "" : `this dashboard only shows: deploy ${action} ${app} -n ${namespace}`;
  } catch (error) {
    byId("plan-lines").textContent = told(error);
  }
}

async function doIt(app, namespace, mark) {
  const [run, said] = [byId("plan-run"), byId("plan-said")];
  run.disabled = true;
  said.textContent = "it goes on; closing this changes nothing of that";
  try {
    const found = await post(`/api/apps/${namespace}/${app}/run`, {mark});
    said.textContent = found.failure ? `failed: ${found.failure.summary}` : `done: ${word(found.phase)}`;
    run.hidden = true;
  } catch (error) {
    said.textContent = told(error);
    run.hidden = true;
  }
}

const told = (error) => [error.summary ?? String(error), error.detail, error.hint].filter(Boolean).join("\n");
const round = (value) => Number(value.toPrecision(3));
const span = (seconds) => seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${round(seconds / 3600)} h`;

byId("plan-close").addEventListener("click", () => byId("plan").close());
if (token) feed("/api/apps", drawAll, say);
else say("the address that `deploy dashboard` has printed has a token in it, which this one lacks");
