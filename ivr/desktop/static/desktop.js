// The agents' desktop: the server says what is true, this page shows it and sends what the agent does.

import { sendCases } from "./cases.js";
import { byId, el, setText, show } from "./dom.js";
import { duration, timeOfDay } from "./format.js";
import { Outcome } from "./outcome.js";
import { callerName, drawHead, drawPop } from "./pop.js";
import { Recording } from "./recording.js";
import { askRefusal, drawRefuse } from "./refuse.js";
import { drawButtons, drawIdle, drawQueues, drawSide } from "./side.js";
import { Link } from "./socket.js";
import { Picture } from "./state.js";
import { Talk } from "./talk.js";
import { apply, onLanguage, t, word } from "./text.js";
import { ring, toneWanted, wantTone } from "./tone.js";

const NOTICE_MS = 8000;
const picture = new Picture();
let standing = "connecting";
let storeAwaySince = null; // the server's time when its database went away
let shownTo = ""; // offer and fence of the last pop that was said to be shown
let alerted = null; // offer that was announced
let noticeTimer = null;

const link = new Link({
  tell: hear,
  standing: (how) => { standing = how; draw(); },
  crowded: () => notice("too_many_windows"),
  nodes: document.body.dataset.nodes.split(" ").filter(Boolean),
});
sendCases((message) => link.send(message));
const outcome = new Outcome((message) => link.send(message));
const recording = new Recording((message) => link.send(message));
const talk = new Talk((message) => link.send(message));

// --- what the server says -----------------------------------------------------------------------------------------

function hear(message) {
  picture.take(message);
  if (message.type === "state") storeAwaySince = null;
  if (message.type === "pop_withdrawn") notice(message.why);
  if (message.type === "case_done") notice(`case_done_${message.do}`);
  if (message.type === "saved") outcome.saved(message.offer_id);
  if (message.type === "targets") talk.choose(message);
  if (message.type === "error") hearError(message);
  if (message.type !== "ping") draw();
  if (message.type === "state") outcome.sendLate(picture.offer?.offer_id ?? null);
}

function hearError({ code, about }) {
  if (about === "handle") talk.refused();
  if (code === "store_away" && about === "") storeAwaySince ??= picture.now();
  else notice(code === "store_away" ? "store_away_act" : code);
}

function notice(key) {
  clearTimeout(noticeTimer);
  setText(byId("notice"), t(key));
  show(byId("notice"), true);
  noticeTimer = setTimeout(() => show(byId("notice"), false), NOTICE_MS);
}

// --- drawing ------------------------------------------------------------------------------------------------------

function draw() {
  const live = standing === "live" && storeAwaySince === null;
  document.body.dataset.link = live ? "live" : standing === "live" ? "away" : standing;
  setText(byId("link"), t(standing === "live" && !live ? "link_old" : `link_${standing}`));
  drawStale(live);
  setText(byId("tone"), t(toneWanted() ? "tone_on" : "tone_off"));
  byId("tone").setAttribute("aria-pressed", String(toneWanted()));
  drawButtons(picture, live);
  drawRefuse(picture, live);
  if (picture.state === null) return;
  const { offer, pop } = picture.state;
  drawSide(picture);
  drawQueues(picture.state.queues);
  show(byId("call"), offer !== null);
  recording.draw(offer, live);
  drawListening(offer?.listening ?? []);
  show(byId("idle"), offer === null);
  talk.draw(offer, live);
  if (offer === null) drawIdle(picture);
  else {
    drawHead(offer);
    drawPop(offer, pop, picture.now());
    outcome.draw(picture.state, live);
    announce(offer, pop);
  }
  const coming = offer !== null && picture.inCall && offer.answered_at === null;
  ring(live && coming);
  document.title = coming ? `☎ ${callerName(pop)} · Ringwise` : "Ringwise";
  tick();
}

function drawListening(listening) {
  show(byId("listening"), listening.length > 0);
  setText(byId("listening"), listening.map(({ supervisor, mode }) => t(`listening_${mode}`, { name: supervisor })).join(" · "));
}

function drawStale(live) {
  const stale = byId("stale");
  show(stale, !live && picture.state !== null);
  if (live || picture.state === null) return;
  setText(stale, t(standing === "live" ? "store_away" : "stale", { time: timeOfDay(storeAwaySince ?? picture.told.now) }));
}

/** Say a new call aloud to screen readers, and tell the server once the pop has been painted. */
function announce(offer, pop) {
  if (pop === null || !picture.inCall) return;
  if (offer.answered_at === null && alerted !== offer.offer_id) {
    alerted = offer.offer_id;
    setText(byId("alert"), t("alert", { name: callerName(pop), reason: word("task", offer.reason) }));
    show(byId("notice"), false);
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close(); // nothing may cover the pop
  }
  const name = `${offer.offer_id} ${offer.fence}`;
  if (shownTo === name) return;
  shownTo = name;
  // The first frame is about to paint what was just drawn; when the second begins, the first has been painted.
  requestAnimationFrame(() => requestAnimationFrame(() =>
    link.send({ type: "shown", offer_id: offer.offer_id, fence: offer.fence })));
}

/** Bring every clock on the screen to the present. */
function tick() {
  const now = picture.now();
  for (const node of document.querySelectorAll(".clock")) {
    const { since, until, to } = node.dataset;
    setText(node, duration(until !== undefined ? Math.ceil(until - now) : (to ?? now) - since));
  }
  if (picture.offer !== null) {
    const until = picture.state.wrap_up?.until ?? null;
    outcome.tick(until === null ? null : until - now);
    tickLimit(picture.offer, now);
  }
}

/** Warn that the longest conversation of this queue is nearly over. */
function tickLimit({ talk_until: ends, talk_warning_s: before, closed_at: closed }, now) {
  const near = ends !== null && closed === null && now > ends - before;
  if (near) setText(byId("limit-left"), duration(Math.ceil(ends - now)));
  show(byId("limit"), near);
}

// --- what the agent does ------------------------------------------------------------------------------------------

function ready() {
  if (byId("ready").disabled) return;
  link.send(wrapsUp() ? outcome.message("ready") : { type: "ready" });
}

function pause(reason) {
  link.send(wrapsUp() ? outcome.message("pause", reason) : { type: "pause", reason });
}

const refuse = () => askRefusal(picture, (message) => link.send(message));

const wrapsUp = () => picture.agentState === "wrap_up" && picture.offer !== null && outcome.filled;

function askReason() {
  if (byId("pause").disabled || byId("reasons").open) return;
  setText(byId("reasons-title"), t("pause_why"));
  byId("reason-list").replaceChildren(...picture.state.pause_reasons.map((reason, index) => {
    const choice = el("button", { type: "button", class: "big choice" },
      el("kbd", {}, String(index + 1)), el("span", {}, picture.pauseWord(reason), picture.isPaid(reason) ? null : el("span", { class: "muted" }, ` · ${t("unpaid")}`)));
    choice.addEventListener("click", () => {
      byId("reasons").close();
      pause(reason);
    });
    return choice;
  }));
  byId("reasons").showModal();
}

function signOut() {
  if (byId("sign-out").disabled) return;
  fetch(`${link.node}/sign-out`, { method: "POST", credentials: "include" }).then((answer) => location.replace(answer.url), () => notice("store_away_act"));
}

function showKeys() {
  const rows = [["R", "key_ready"], ["P", "key_pause"], ["X", "key_refuse"], ["K", "key_recording"], ["1 – 8", "key_digits"], ["N", "key_note"], ["E", "key_extend"], ["H T C", "key_talk"], ["M J X E", "key_talk_more"], ["Ctrl + Enter", "key_save"], ["?", "key_help"]];
  byId("key-list").replaceChildren(...rows.flatMap(([key, text]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, t(text))]));
  byId("keys").showModal();
}

function onKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && byId("outcome").contains(event.target)) return ready();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (/^[1-9]$/.test(event.key)) return pickNumber(Number(event.key) - 1);
  if (document.querySelector("dialog[open]")) return;
  if (talk.onKey(event.key)) return event.preventDefault();
  const acts = { r: ready, p: askReason, x: refuse, k: () => recording.press(), e: () => outcome.extend(), "?": showKeys, n: () => byId("note").focus() };
  const act = acts[event.key.toLowerCase()];
  if (act === undefined || (event.key.toLowerCase() === "n" && byId("call").hidden)) return;
  event.preventDefault();
  act();
}

function pickNumber(index) {
  if (byId("reasons").open) byId("reason-list").children[index]?.click();
  else if (!document.querySelector("dialog[open]") && !byId("call").hidden) byId("dispositions").children[index]?.click();
}

byId("ready").addEventListener("click", ready);
byId("pause").addEventListener("click", askReason);
byId("save-pause").addEventListener("click", askReason);
byId("refuse").addEventListener("click", refuse);
byId("extend").addEventListener("click", () => outcome.extend());
byId("outcome").addEventListener("submit", (event) => { event.preventDefault(); ready(); });
byId("sign-out").addEventListener("click", signOut);
byId("help").addEventListener("click", showKeys);
byId("tone").addEventListener("click", () => { wantTone(!toneWanted()); draw(); });
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
addEventListener("keydown", onKey);
onLanguage(draw);
apply();
draw();
setInterval(tick, 250);
link.open();
