// The wall: asks the server how queues and agents stand, shows it large, and sends what the supervisor does.

import { byId, clock, el, foreign, setText, show } from "./dom.js";
import { duration, moment, percent, timeOfDay } from "./format.js";
import { apply, inOurLanguage, onLanguage, t, word } from "./text.js";
import { ours, teamChoice, teamRows } from "./wall-teams.js";

const ASK_MS = 2000;
const LATE_MS = 8000;
const NOTICE_MS = 8000;
const QUEUE_COLUMNS = ["queue", "wall_waiting", "wall_longest", "wall_ready", "wall_busy", "wall_wrap_up", "wall_paused", "wall_came", "wall_answered", "wall_abandoned", "wall_level", "wall_callbacks", "wall_alarm"];
const AGENT_COLUMNS = ["name", "wall_state", "wall_since", "queue", "wall_acts"];
const WORDS = new Set(["name", "queue", "wall_state", "wall_alarm"]); // columns that hold no figures

const nodes = [...new Set([location.origin, ...document.body.dataset.nodes.split(" ").filter(Boolean)])]; // asked: the first
let picture = null;
let told = { now: 0, at: 0 };
let live = true;
let drawn = "";
let noticeTimer = null;
let wanted = null; // what waits for a yes

const now = () => told.now + (performance.now() - told.at) / 1000;

// --- asking ---------------------------------------------------------------------------------------------------------

async function ask() {
  try {
    const answer = await fetch(`${nodes[0]}/wall/state`, { credentials: "include", signal: AbortSignal.timeout(LATE_MS) });
    if (answer.status === 401) return location.assign("/sign-in");
    if (answer.status === 403) return location.assign("/");
    if (!answer.ok) throw new Error(String(answer.status));
    picture = await answer.json();
    told = { now: picture.now, at: performance.now() };
    live = true;
  } catch {
    live = false;
    nodes.push(nodes.shift()); // the next node shows the same
  }
  draw();
  setTimeout(ask, ASK_MS);
}

async function act(wish) {
  try {
    const answer = await fetch(`${nodes[0]}/wall/act`, {
      method: "POST", credentials: "include", // as plain text, which needs no asking before on another node
      body: JSON.stringify(wish), signal: AbortSignal.timeout(LATE_MS * 2),
    });
    if (answer.ok) return notice(`wall_done_${wish.act}`);
    const { error } = await answer.json();
    notice(error === "store_away" ? "store_away_act" : `wall_error_${error}`);
  } catch {
    notice("store_away_act");
  }
}

function notice(key) {
  clearTimeout(noticeTimer);
  setText(byId("notice"), t(key));
  show(byId("notice"), true);
  noticeTimer = setTimeout(() => show(byId("notice"), false), NOTICE_MS);
}

// --- drawing --------------------------------------------------------------------------------------------------------

function draw() {
  document.body.dataset.link = live ? "live" : "away";
  show(byId("stale"), !live && picture !== null);
  if (!live && picture !== null) setText(byId("stale"), t("stale", { time: timeOfDay(picture.now) }));
  if (picture === null) return;
  setText(byId("wall-time"), timeOfDay(picture.now));
  document.title = `${t("wall")} · Ringwise`;
  const same = document.documentElement.lang + JSON.stringify([picture.queues, picture.agents, picture.cases, picture.pauses, picture.teams]);
  if (same === drawn) return;
  drawn = same;
  const focused = document.activeElement?.dataset?.act;
  heads("queue-heads", QUEUE_COLUMNS);
  heads("agent-heads", AGENT_COLUMNS);
  byId("queue-rows").replaceChildren(...picture.queues.map(queueRow));
  teamChoice(picture.teams, () => { drawn = ""; draw(); });
  byId("agent-rows").replaceChildren(...teamRows(picture.agents, picture.teams, AGENT_COLUMNS.length, agentRow));
  drawCases();
  if (focused) document.querySelector(`[data-act="${focused}"]`)?.focus();
  drawAlarms();
  tick();
}

/** Cases that are overdue or due within a day. */
function drawCases() {
  show(byId("wall-cases"), picture.cases.length > 0);
  byId("case-rows").replaceChildren(...picture.cases.map((one) => {
    const late = one.due_at < picture.now;
    return el("li", { class: late ? "why" : null, "data-case": one.number },
      foreign(one.number), " · ", foreign(one.subject), ` · ${t("tier", { tier: one.tier })} · `,
      one.handler ? t("handled_by", { name: one.handler }) : t("nobody_handles"), " · ",
      t(late ? "overdue" : "due", { date: moment(one.due_at) }));
  }));
}

function heads(id, columns) {
  byId(id).replaceChildren(...columns.map((key) =>
    el("th", { scope: "col", class: WORDS.has(key) ? "words" : null }, t(key))));
}

function queueRow(queue) {
  const cell = (text, kind = null) => el("td", { class: kind }, String(text));
  return el("tr", { class: queue.alarms.length ? "alarmed" : null, "data-queue": queue.queue },
    el("th", { scope: "row" }, foreign(word("task", queue.queue))),
    cell(queue.waiting, "large"),
    el("td", { class: "large" }, queue.waiting_since === null ? "–" : clock({ "data-since": queue.waiting_since })),
    cell(queue.ready), cell(queue.busy), cell(queue.wrap_up), cell(queue.paused),
    cell(queue.came), cell(queue.answered), cell(queue.abandoned),
    cell(queue.service_level === null ? "–" : t("wall_of_goal", { share: percent(queue.service_level), goal: queue.goal_s })),
    cell(queue.callbacks),
    el("td", { class: "words why" }, queue.alarms.map((alarm) => word("alarm", alarm)).join(" · ")));
}

/** A reason in the site's own words. */
function pauseWord(reason) {
  return inOurLanguage(Object.entries(picture.pauses[reason]?.words ?? {})) ?? word("pause", reason);
}

/** Why an agent gets no calls: the pause's reason, or why they are set aside. */
function whyNot(agent) {
  if (agent.state === "paused" && agent.pause_reason) return ` (${pauseWord(agent.pause_reason)})`;
  return agent.state === "missed" && agent.set_aside ? ` (${word("set_aside", agent.set_aside)})` : "";
}

/** When a pause has lasted as long as it may: seconds of the epoch, or nothing. */
function pauseEnds(agent) {
  const most = agent.state === "paused" ? picture.pauses[agent.pause_reason]?.most_minutes : null;
  return most ? agent.since + most * 60 : null;
}

function agentRow(agent) {
  const more = whyNot(agent);
  const after = agent.pause_after ? ` · ${t("pause_after", { reason: pauseWord(agent.pause_after) })}` : "";
  return el("tr", { "data-agent": agent.id },
    el("th", { scope: "row" }, foreign(agent.full_name), el("div", { class: "can" }, skillsOf(agent))),
    el("td", { class: "words state", "data-state": agent.state }, word("state", agent.state) + more + after,
      agent.listening.length ? el("div", { class: "muted" }, heardBy(agent)) : null),
    el("td", {}, clock({ "data-since": agent.since, "data-ends": pauseEnds(agent) })),
    el("td", { class: "words" }, agent.queue ? foreign(word("task", agent.queue)) : "–"),
    el("td", {}, ...acts(agent)));
}

/** What an agent can, in the site's own words; levels in the order of what they can best. */
const skillsOf = (agent) => Object.entries(agent.skills).sort((a, b) => b[1] - a[1])
  .map(([skill, level]) => `${ours(picture.skills[skill], skill)} ${level}`).join(" · ");

function acts(agent) {
  const inCall = ["offered", "busy"].includes(agent.state);
  if (agent.talks) return [...hearing(agent), button(agent, "pause", { act: "pause", agent: agent.id }, false)];
  const made = [button(agent, "pause", { act: "pause", agent: agent.id }, agent.state === "paused")];
  made.push(button(agent, "sign_out", { act: "sign_out", agent: agent.id }, inCall, true));
  return made;
}

/** Listen, whisper, barge; the mode that I am in is pressed, and can be left. */
function hearing(agent) {
  const mine = agent.listening.find((one) => one.id === picture.me);
  const modes = ["listen", "whisper", "barge"].map((mode) => {
    const made = button(agent, mode, { act: mode, agent: agent.id }, mine?.mode === mode);
    made.setAttribute("aria-pressed", String(mine?.mode === mode));
    return made;
  });
  return mine ? [...modes, button(agent, "stop", { act: "stop", agent: agent.id }, false)] : modes;
}

const heardBy = (agent) => agent.listening.map((one) =>
  (one.rings ? t("wall_rings", { name: one.by }) : `${one.by}${t("colon")}${t(`wall_${one.mode}`)}`)).join(" · ");

function button(agent, name, wish, disabled, sure = false) {
  const made = el("button", { type: "button", disabled, "data-act": `${name}-${agent.id}`, "aria-label": `${t(`wall_${name}`)}: ${agent.full_name}` }, t(`wall_${name}`));
  made.addEventListener("click", () => (sure ? askSure(agent, name, wish) : act(wish)));
  return made;
}

function askSure(agent, name, wish) {
  wanted = wish;
  setText(byId("sure-title"), t(`wall_sure_${name}`, { name: agent.full_name }));
  setText(byId("sure-yes"), t(`wall_${name}`));
  byId("sure").showModal();
}

/** Alarms stand still while they are the same, so that a screen reader says each once. */
function drawAlarms() {
  const alarms = picture.queues.flatMap((queue) => queue.alarms.map((alarm) => `${word("task", queue.queue)}: ${word("alarm", alarm)}`));
  const list = byId("alarms");
  if (JSON.stringify([...list.children].map((one) => one.textContent)) === JSON.stringify(alarms)) return;
  list.replaceChildren(...alarms.map((text) => el("li", {}, text)));
}

function tick() {
  for (const node of document.querySelectorAll(".clock")) {
    setText(node, duration(now() - Number(node.dataset.since)));
    node.classList.toggle("late", now() > Number(node.dataset.ends ?? Infinity));
  }
}

byId("sure-no").addEventListener("click", () => byId("sure").close());
byId("sure-yes").addEventListener("click", () => {
  byId("sure").close();
  act(wanted);
});
onLanguage(draw);
apply();
setInterval(tick, 500);
ask();
