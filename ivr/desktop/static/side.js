// The left bar: who I am, what I am doing and since when, the two big buttons, and the queues above the call.

import { byId, clock, el, foreign, setText, show } from "./dom.js";
import { moment } from "./format.js";
import { language, t, word } from "./text.js";

const SOON_S = 86400;
let drawnQueues = "";

export function drawSide(picture) {
  const { agent } = picture.state;
  document.body.dataset.state = agent.state;
  byId("me-name").replaceChildren(foreign(agent.full_name));
  byId("me-phone").replaceChildren(...phoneLine(agent.phone));
  setText(byId("state-word"), word("state", agent.state));
  drawTime(picture);
  show(byId("wall-link"), agent.supervisor);
  const pausedFor = agent.state === "paused" && agent.pause_reason ? picture.pauseWord(agent.pause_reason) : "";
  const pausesAfter = agent.pause_after ? t("pause_after", { reason: picture.pauseWord(agent.pause_after) }) : "";
  setText(byId("state-more"), pausedFor || pausesAfter || setAside(agent) || phoneTrouble(agent));
  setText(byId("pause-label"), t(pauseText(picture)));
}

/** The side's buttons, by what the agent may do now. */
export function drawButtons(picture, live) {
  const state = picture.agentState;
  byId("ready").disabled = !live || !["paused", "missed", "wrap_up"].includes(state);
  byId("pause").disabled = !live || state === "";
  byId("sign-out").disabled = picture.inCall;
}

/** Why no offers come to an agent who is ready. */
const phoneTrouble = (agent) => (agent.state === "ready" && agent.phone_trouble ? t(`phone_${agent.phone_trouble}`) : "");

/** Why an agent is set aside, and after how many misses in a row. */
function setAside(agent) {
  if (agent.state !== "missed" || !agent.set_aside) return "";
  const why = word("set_aside", agent.set_aside);
  return agent.set_aside !== "refusals" && agent.misses > 1 ? t("misses", { why, n: agent.misses }) : why;
}

function pauseText(picture) {
  if (picture.inCall) return "pause_after_button";
  return picture.agentState === "paused" ? "pause_change" : "pause_button";
}

function phoneLine(phone) {
  const [before, after] = t("phone", { phone: "\n" }).split("\n");
  return [before, foreign(phone.replace(/^PJSIP\//, "")), after];
}

function drawTime(picture) {
  const { agent, wrap_up: wrapUp, offer } = picture.state;
  const counted = agent.state === "busy" && offer?.answered_at ? offer.answered_at : agent.since;
  const until = wrapUp?.until ?? agent.back_at;
  const shape = until ? `until ${until}` : `since ${counted}`;
  const place = byId("state-time");
  if (place.dataset.shape === shape) return;
  place.dataset.shape = shape;
  place.replaceChildren(clock(until ? { "data-until": until } : { "data-since": counted }));
}

export function drawQueues(queues) {
  const drawn = language() + JSON.stringify(queues);
  if (drawn === drawnQueues) return;
  drawnQueues = drawn;
  show(byId("queues"), queues.length > 0);
  byId("queues").replaceChildren(...queues.map((queue) =>
    el("div", { class: queue.waiting ? "queue some" : "queue" },
      foreign(word("task", queue.queue), { class: "queue-name" }),
      el("span", { class: "queue-count" }, queue.waiting ? t("queue_waiting", { n: queue.waiting }) : t("queue_empty")),
      queue.waiting
        ? el("span", { class: "queue-longest" }, `${t("queue_longest")} `, clock({ "data-since": queue.waiting_since }))
        : null)));
}

/** The middle of the screen while there is no call. */
export function drawIdle(picture) {
  const state = picture.agentState;
  const { pause_reason: reason, set_aside: aside, back_at: backAt } = picture.state.agent;
  const missed = backAt ? "idle_moment" : aside === "refusals" ? "idle_refusals" : "idle_missed";
  const kind = { ready: "idle_ready", paused: "idle_paused", missed }[state];
  byId("idle").replaceChildren(el("div", {},
    el("div", { class: "idle-mark", "aria-hidden": "true" }),
    el("h1", {}, t(kind ?? "idle_wait")),
    state === "paused" && reason ? el("p", { class: "idle-reason" }, picture.pauseWord(reason), pauseLimit(picture)) : null,
    kind ? el("p", { class: "muted" }, phoneTrouble(picture.state.agent) || t(`${kind}_more`)) : null,
    myCases(picture.state.cases, picture.now())));
}

/** How long this pause may last, if it may not last for ever. */
function pauseLimit(picture) {
  const minutes = picture.pauseLimit;
  return minutes === null ? null : el("span", { class: "muted" }, ` · ${t("pause_limit", { n: minutes })}`);
}

/** The cases that I handle, the one due first before the others. */
function myCases(cases, nowS) {
  if (!cases.length) return null;
  return el("section", { class: "card my-cases" }, el("h2", {}, t("my_cases")), el("ul", { class: "rows" }, ...cases.map((one) => {
    const late = one.due_at !== null && one.due_at < nowS, soon = one.due_at !== null && one.due_at < nowS + SOON_S;
    return el("li", {}, el("div", { class: "row" },
      el("span", {}, foreign(one.number), " · ", foreign(one.subject), ` · ${t("tier", { tier: one.tier })}`),
      one.due_at === null ? null : el("span", { class: late ? "late" : soon ? "soon" : "muted" }, t(late ? "overdue" : "due", { date: moment(one.due_at) }))));
  })));
}
