// The cards of the page about the menu book: a step, the opening hours, the differences.

import { el, foreign } from "./dom.js";
import { percent } from "./format.js";
import { language, t, word } from "./text.js";
import { WORDS } from "./words.js";

export function stepCard(book, step, from, go) {
  const spoken = book.languages.filter((one) => step.says[one]);
  const same = spoken.length > 1 && new Set(spoken.map((one) => step.says[one])).size === 1;
  const says = (same ? spoken.slice(0, 1) : spoken).map((one) => el("p", { class: "says", lang: same ? null : one },
    same ? null : el("span", { class: "tongue" }, word("language", one)), foreign(step.says[one])));
  return el("article", { class: "card step-card", id: `step-${step.name}`, tabindex: "-1" },
    el("h2", {}, el("span", { class: `dot ${step.group}` }), foreign(step.name),
      el("span", { class: "badge plain" }, word("step_kind", step.kind)),
      step.calls === null ? null : el("span", { class: "calls" }, t("menus_calls", { n: step.calls.toLocaleString() }))),
    ...says,
    step.ways.length ? el("ul", { class: "ways" }, ...step.ways.map((way) => wayRow(book, way, go))) : null,
    from.size ? el("p", { class: "from" }, `${t("menus_leads_here")}: `,
      ...[...from].flatMap((name, index) => [index ? ", " : "", stepLink(name, go)])) : null,
  );
}

function wayRow(book, way, go) {
  const labels = [...new Set(book.languages.map((one) => labelOf(way, one)))];
  const heard = way.heard_s[language()] ?? way.heard_s[book.languages[0]] ?? Object.values(way.heard_s).find((s) => s !== null);
  return el("li", {},
    way.key ? el("kbd", {}, way.key) : el("span", { class: "no-key" }),
    el("span", { class: "way-what" },
      ...labels.map((label, index) => foreign(label, { class: index ? "other" : "label" })),
      way.condition && way.label[book.languages[0]] !== "if" ? el("span", { class: "condition" }, t("menus_only_if", { condition: way.condition })) : null,
      way.condition && way.label[book.languages[0]] === "if" ? el("code", { class: "condition" }, way.condition) : null),
    el("span", { class: "way-to" }, "→ ", stepLink(way.to, go)),
    el("span", { class: "way-heard", title: t("menus_heard") }, heard === undefined || heard === null ? "" : `${Math.round(heard)} s`),
    el("span", { class: "way-calls" }, way.calls === null ? "" : traffic(way)),
  );
}

/** Our own words are told in the page's language, those of the book as they are spoken. */
function labelOf(way, spoken) {
  const label = way.label[spoken];
  return way.key ? label : word("way", label);
}

function traffic({ calls, share }) {
  const count = el("span", {}, calls.toLocaleString());
  if (share === null) return count;
  return [count, el("meter", { min: "0", max: "1", value: String(share), title: percent(share) }), el("span", { class: "share" }, percent(share))];
}

function stepLink(name, go) {
  const node = el("a", { href: `#step-${name}` }, foreign(name));
  node.onclick = (event) => { event.preventDefault(); go(name); };
  return node;
}

export function hoursCard(book) {
  if (!book.hours.length && !book.special_days.length) return [];
  const today = [book.holiday ? t("menus_holiday") : null, book.special ? t("menus_special", { what: book.special }) : null];
  return [el("article", { class: "card hours-card" },
    el("h2", {}, t("menus_hours"), el("span", { class: "badge plain" }, book.time_zone)),
    ...today.filter(Boolean).map((line) => el("p", {}, line)),
    el("ul", { class: "ways" }, ...book.hours.map((hours) => el("li", {},
      el("span", { class: `open-mark ${hours.open ? "open" : "closed"}` }),
      el("span", { class: "way-what" }, el("strong", {}, hours.name), el("code", {}, hours.text)),
      el("span", { class: "way-to" }, t(hours.open ? "menus_open" : "menus_closed")),
      el("span", { class: "way-next" }, hours.next === null ? "" : t("menus_opens", { when: hours.next }))))),
    book.special_days.length ? el("p", { class: "from" }, `${t("menus_special_days")}: `,
      book.special_days.map(({ on, what }) => `${on} ${what}`).join(", ")) : null)];
}

/** Changes in sentences of the page's language, grouped by what they are about. */
export function differences(changes) {
  if (!changes.length) return [el("p", {}, t("menus_same"))];
  const groups = new Map();
  for (const change of changes) {
    const about = `${change.part} ${change.name}`;
    groups.set(about, [...(groups.get(about) ?? []), change]);
  }
  return [...groups.values()].map((group) => {
    const { part, name } = group[0];
    const kind = part in WORDS[language()].part ? word("part", part) : word("step_kind", part);
    return el("div", { class: "change" },
      el("h3", {}, el("span", { class: "badge plain" }, kind), name ? foreign(name) : null),
      el("ul", {}, ...group.map((change) => el("li", { class: `is-${change.kind}` }, foreign(sentence(change))))));
  });
}

function sentence({ kind, values, text }) {
  const shape = WORDS[language()].change[kind];
  if (shape === undefined) return text;
  return shape.replace(/\{(\w+)\}/g, (_, name) => (name === "language" ? word("language", values[name]) : String(values[name])));
}
