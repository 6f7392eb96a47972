// The complaint of this call: its tier and why, what this agent may grant, and what the tier above could.

import { el, foreign } from "./dom.js";
import { money } from "./format.js";
import { language, siteWord, t, word } from "./text.js";

/** The card of a complaint; null for other calls. */
export function complaintCard(complaint) {
  if (!complaint) return null;
  return el("section", { class: "card complaint" },
    el("h2", {}, t("complaint")),
    el("p", { class: "complaint-tier" }, el("strong", {}, t("tier", { tier: complaint.tier })), " · ", foreign(ours(complaint.name))),
    complaint.why.length ? el("ul", { class: "complaint-why" }, ...complaint.why.map((why) => el("li", {}, whyText(why)))) : null,
    el("div", { class: "grants" },
      grants(t("you_may"), complaint.mine, complaint.currency),
      complaint.next ? grants(t("next_may", { name: ours(complaint.next.name) }), complaint.next, complaint.currency) : null));
}

function grants(title, tier, currency) {
  const lines = tier === null ? [] : ours(tier.may) ?? [];
  const amount = tier?.goodwill_cents ? el("li", {}, t("goodwill", { amount: money(tier.goodwill_cents, currency, { whole: true }) })) : null;
  return el("div", { class: "grant" }, el("h3", {}, title),
    amount || lines.length
      ? el("ul", {}, amount, ...lines.map((line) => el("li", {}, foreign(line))))
      : el("p", { class: "muted" }, t("may_nothing")));
}

function whyText(why) {
  const held = why.because.map((one) =>
    t(`tier_because_${one.what}`, { value: siteWord("about", one.value), severity: word("severity", one.value), segment: siteWord("segment", one.value), count: one.count, days: one.days }));
  return `${held.join(t("and"))}${why.up === null ? "" : ` (${t("tier_up", { up: why.up })})`}`;
}

/** Of texts in several languages that of the screen, else the first. */
const ours = (texts) => (texts.find(([name]) => name === language()) ?? texts[0])?.[1];
