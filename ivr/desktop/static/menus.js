// The page about the menu book: which version, its steps, its picture, what changed. Text is only ever text.

import { byId, el, foreign, setText, show } from "./dom.js";
import { moment, percent } from "./format.js";
import { differences, hoursCard, stepCard } from "./menus-parts.js";
import { apply, language, onLanguage, t, word } from "./text.js";

const TABS = ["steps", "picture", "changes"];
const state = { versions: null, book: null, tab: "steps", shown: 0, fitted: false };

async function ask(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (answer.status === 401) location.assign("/sign-in");
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.wrong === "away" || !told.wrong ? t("menus_away") : told.wrong);
  return told;
}

const newest = new Map();

/** Do what may fail; what went wrong is a sentence above the page. Once the same is done anew, nothing of it is shown. */
async function trying(work, ...given) {
  const turn = Symbol("turn");
  newest.set(work, turn);
  const late = () => newest.get(work) !== turn;
  try {
    await work(late, ...given);
    if (!late()) show(byId("trouble"), false);
  } catch (fault) {
    if (late()) return;
    setText(byId("trouble"), fault instanceof TypeError ? t("menus_away") : fault.message);
    show(byId("trouble"), true);
  }
}

function versionText({ version, published_at: at, message }) {
  const { stable, canary, share } = state.versions;
  const part = version === stable ? ` · ${t("menus_stable")}` : version === canary ? ` · ${t("menus_canary", { share: percent(share) })}` : "";
  return `${version}${part} · ${moment(at)}${message ? ` · ${message}` : ""}`;
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text)));
}

function showVersions() {
  const all = state.versions.versions;
  fill(byId("version"), all.map((one) => [one.version, versionText(one)]), state.shown);
  const others = all.filter(({ version }) => version !== state.shown);
  const before = others.find(({ version }) => version < state.shown) ?? others[0];
  fill(byId("against"), others.map((one) => [one.version, versionText(one)]), before?.version);
}

function showBook() {
  const book = state.book;
  setText(byId("book-name"), book.name);
  document.title = `${book.name} · ${t("menus")}`;
  const into = new Map();
  for (const step of book.steps) {
    for (const way of step.ways) into.set(way.to, (into.get(way.to) ?? new Set()).add(step.name));
  }
  const notes = [
    book.traffic_days === null ? t("menus_no_traffic") : t("menus_traffic", { days: book.traffic_days }),
    t(book.measured ? "menus_measured" : "menus_estimated"),
  ];
  byId("cards").replaceChildren(
    el("p", { class: "muted" }, notes.join(" ")),
    ...hoursCard(book),
    ...book.steps.map((step) => stepCard(book, step, into.get(step.name) ?? new Set(), go)),
    el("p", { id: "nothing", hidden: true }, t("menus_nothing")),
  );
  byId("names").replaceChildren(...book.steps.map((step) =>
    el("li", {}, link(step.name, el("span", { class: `dot ${step.group}` }), foreign(step.name)))));
  const menus = book.steps.filter(({ kind }) => kind === "menu");
  fill(byId("menu"), [["", t("menus_whole")], ...menus.map(({ name }) => [name, name])], byId("menu").value);
  find();
}

function link(name, ...children) {
  const node = el("a", { href: `#step-${name}` }, ...children);
  node.onclick = (event) => { event.preventDefault(); go(name); };
  return node;
}

/** Show the card of a step. */
function go(name) {
  choose("steps");
  const card = byId(`step-${name}`);
  if (card === null) return;
  if (card.hidden) { byId("find").value = ""; find(); }
  card.scrollIntoView({ block: "start" });
  card.focus({ preventScroll: true });
}

function find() {
  if (state.book === null) return;
  const wanted = byId("find").value.trim().toLowerCase();
  let found = 0;
  state.book.steps.forEach((step, index) => {
    const card = byId(`step-${step.name}`);
    const fits = wanted === "" || card.textContent.toLowerCase().includes(wanted);
    show(card, fits);
    show(byId("names").children[index], fits);
    found += fits ? 1 : 0;
  });
  show(byId("nothing"), found === 0);
}

/** The picture is parsed as XML by the browser and taken over as elements; its look is a style sheet of ours. */
function draw(late) {
  const asked = new URLSearchParams({ version: state.shown, language: language(), menu: byId("menu").value, look: "none" });
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", `/menus/picture.svg?${asked}`);
    request.responseType = "document";
    request.overrideMimeType("image/svg+xml");
    request.onload = () => {
      if (late()) return done();
      if (request.status === 401) location.assign("/sign-in");
      const root = request.status === 200 ? request.responseXML?.documentElement : null;
      if (root?.localName !== "svg") return failed(new Error(t("menus_away")));
      byId("drawing").replaceChildren(document.importNode(root, true));
      byId("drawing").querySelector(".step")?.scrollIntoView({ block: "center" });
      byId("drawing").scrollLeft = 0;
      return done();
    };
    request.onerror = () => failed(new Error(t("menus_away")));
    request.send();
  });
}

function size() {
  byId("drawing").classList.toggle("fitted", state.fitted);
  setText(byId("size"), t(state.fitted ? "menus_full" : "menus_fit"));
}

async function compare(late) {
  const against = byId("against").value;
  if (!against) {
    byId("differences").replaceChildren(el("p", {}, t("menus_first")));
    return;
  }
  const found = await ask(`/menus/difference?${new URLSearchParams({ old: against, new: state.shown })}`);
  if (!late()) byId("differences").replaceChildren(...differences(found));
}

function choose(tab) {
  state.tab = tab;
  for (const name of TABS) {
    show(byId(name), name === tab);
    byId(`tab-${name}`).setAttribute("aria-selected", String(name === tab));
    byId(`tab-${name}`).setAttribute("aria-pressed", String(name === tab));
  }
  if (tab === "picture") trying(draw);
  if (tab === "changes") trying(compare);
}

async function load(late, version) {
  state.versions ??= await ask("/menus/versions");
  state.shown = version ?? state.versions.stable;
  showVersions();
  const book = await ask(`/menus/book?${new URLSearchParams({ version: state.shown })}`);
  if (late()) return;
  state.book = book;
  showBook();
  choose(state.tab);
}

function words() {
  apply();
  byId("find").placeholder = t("menus_find");
  byId("find").setAttribute("aria-label", t("menus_find"));
  byId("menu").setAttribute("aria-label", word("step_kind", "menu"));
  size();
  if (state.book === null) return;
  showVersions();
  showBook();
  choose(state.tab);
}

words();
onLanguage(words);
byId("version").onchange = (event) => trying(load, Number(event.target.value));
byId("against").onchange = () => trying(compare);
byId("menu").onchange = () => trying(draw);
byId("find").oninput = find;
byId("size").onclick = () => { state.fitted = !state.fitted; size(); };
byId("drawing").onclick = (event) => {
  const step = event.target.closest("[data-step]");
  if (step !== null) go(step.dataset.step);
};
for (const name of TABS) byId(`tab-${name}`).onclick = () => choose(name);
choose("steps");
trying(load);
