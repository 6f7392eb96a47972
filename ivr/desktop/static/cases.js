// The cases of the caller that may be worked on here: what was done, what this agent may do, and opening a new one.

import { el, foreign } from "./dom.js";
import { moment } from "./format.js";
import { siteNames, siteWord, t, word } from "./text.js";

const SEVERITIES = ["low", "medium", "high"];
let send = () => {};

/** How messages about cases reach the server. */
export const sendCases = (how) => { send = how; };

/** The card of the cases; while nobody talks yet it only shows them. */
export function caseFiles(offer, pop, nowS) {
  if (pop === null) return null;
  const talking = offer.answered_at !== null;
  if (pop.case_files.length === 0 && !talking) return null;
  return el("section", { class: "card case-files" }, el("h2", {}, t("case_files")),
    ...pop.case_files.map((file) => oneFile(offer, file, talking, nowS)),
    talking ? openForm(offer, pop.talked_to) : null);
}

function oneFile(offer, file, talking, nowS) {
  const late = file.due_at !== null && file.due_at < nowS;
  return el("details", { class: "case-file", "data-case": file.number, open: true },
    el("summary", {}, el("strong", {}, foreign(file.number)), " · ", foreign(file.subject)),
    el("p", { class: "case-more" },
      [t("tier", { tier: file.tier }), file.severity ? word("severity", file.severity) : "", file.about ? siteWord("about", file.about) : "", file.handler ? t("handled_by", { name: file.handler }) : ""].filter(Boolean).join(" · "),
      file.due_at === null ? null : el("span", { class: late ? "late" : "" }, ` · ${t(late ? "overdue" : "due", { date: moment(file.due_at) })}`)),
    el("ol", { class: "case-events" }, ...file.events.map(oneEvent)),
    talking && file.may.length ? workForm(offer, file) : null);
}

const oneEvent = (event) => el("li", {},
  el("time", {}, moment(event.at)), " ",
  word("case_event", event.kind), event.tier === null ? null : ` ${t("tier", { tier: event.tier })}`,
  event.due_at === null ? null : ` ${moment(event.due_at)}`,
  event.by ? [" · ", foreign(event.by)] : null,
  event.text ? [" – ", foreign(event.text)] : null);

function workForm(offer, file) {
  const text = el("textarea", { rows: 2, maxlength: 2000, "aria-label": t("case_text"), placeholder: t("case_text") });
  const hours = el("input", { type: "number", min: 1, max: 200, value: 9, "aria-label": t("case_hours") });
  const act = (verb) => {
    const button = el("button", { type: "button", "data-do": verb }, t(`case_${verb}`));
    button.addEventListener("click", () => {
      if (["note", "extend"].includes(verb) && !text.value.trim()) return text.focus();
      send({ type: "case", offer_id: offer.offer_id, do: verb, number: file.number, text: text.value, hours: verb === "extend" ? Number(hours.value) : 0 });
    });
    return button;
  };
  return el("div", { class: "case-work" }, text,
    el("div", { class: "case-buttons" }, ...file.may.flatMap((verb) => verb === "extend" ? [act(verb), hours] : [act(verb)])));
}

function openForm(offer, talkedTo) {
  const abouts = siteNames("about");
  const subject = el("input", { maxlength: 200, "aria-label": t("case_subject"), placeholder: t("case_subject") });
  const severity = choices("case_severity", [["", t("not_said")], ...SEVERITIES.map((one) => [one, word("severity", one)])]);
  const about = abouts.length ? choices("case_about", [["", t("about_other")], ...abouts.map((one) => [one, siteWord("about", one)])]) : null;
  const against = talkedTo.length ? choices("case_against", [["", t("about_nobody")], ...talkedTo.map((one) => [one.name, one.full_name])]) : null;
  const open = el("button", { type: "button", "data-do": "open" }, t("case_open"));
  open.addEventListener("click", () => {
    if (!subject.value.trim()) return subject.focus();
    send({ type: "case", offer_id: offer.offer_id, do: "open", subject: subject.value, severity: severity.value || null, about: about?.value ?? "", against: against?.value ?? "" });
  });
  return el("details", { class: "case-open" }, el("summary", {}, t("case_new")),
    el("div", { class: "case-work" }, subject, severity, about, against, open));
}

const choices = (label, options) => el("select", { "aria-label": t(label) }, ...options.map(([value, text]) => el("option", { value }, text)));
