// The pop: who is calling, why, and what the bank knows of them.

import { byId, clock, el, foreign } from "./dom.js";
import { day, dayOf, daysUntil, inDays, moment, money, percent, phoneNumber, timeOfDay } from "./format.js";
import { caseFiles } from "./cases.js";
import { complaintCard } from "./complaint.js";
import { sentCard } from "./talk.js";
import { language, siteWord, t, word } from "./text.js";

const CHURN_RAISED = 0.2, CHURN_HIGH = 0.5; // shares of customers like this one who leave within a year
const SOON_DAYS = 30;

let drawnHead = "";
let drawnPop = "";

/** The line above the call: what the phone is doing. Redrawn only when it differs. */
export function drawHead(offer) {
  const drawn = language() + JSON.stringify(offer);
  if (drawn === drawnHead) return;
  drawnHead = drawn;
  const closed = offer.closed_at !== null;
  const stage = closed ? "closed" : offer.answered_at !== null ? "answered" : offer.ringing_at !== null ? "ringing" : "offered";
  const waitedUntil = offer.answered_at ?? offer.closed_at;
  const head = byId("call-head");
  head.dataset.stage = stage;
  head.replaceChildren(
    el("span", { class: "stage-mark", "aria-hidden": "true" }),
    el("strong", { class: "stage" }, t(`offer_${stage}`)),
    stage === "answered" ? clock({ class: "clock stage-time", "data-since": offer.answered_at }) : "",
    el("span", { class: "head-facts" },
      fact(t("queue"), foreign(word("task", offer.queue))),
      fact(t(waitedUntil === null ? "waits_for" : "waited"),
        clock({ "data-since": offer.waiting_since, "data-to": waitedUntil })),
    ),
  );
}

const fact = (label, value) => el("span", { class: "fact" }, el("span", { class: "label" }, label), value);

/** The pop itself. Redrawn only when its content, the language or the chosen customer differs. */
export function drawPop(offer, pop, nowS) {
  const facts = [offer.offer_id, offer.reason, offer.answered_at !== null, offer.sent, pop];
  const drawn = language() + chosen(offer.offer_id) + JSON.stringify(facts);
  if (drawn === drawnPop) return;
  drawnPop = drawn;
  const redraw = () => drawPop(offer, pop, nowS);
  const customer = pop?.customer ?? pop?.candidates.find((one) => String(one.id) === chosen(offer.offer_id)) ?? null;
  const parts = [who(offer, pop, customer, redraw)];
  if (pop?.complaint) parts.push(complaintCard(pop.complaint));
  if (offer.sent) parts.push(sentCard(offer.sent));
  const files = caseFiles(offer, pop, nowS);
  if (files) parts.push(files);
  if (customer?.cases.length && !pop.case_files.length) parts.push(casesCard(customer.cases, nowS));
  if (pop && customer === null && pop.candidates.length) parts.push(pickList(offer, pop, redraw));
  parts.push(el("div", { class: customer ? "columns" : "columns alone" },
    el("div", { class: "column reasons" }, whyCard(offer, pop)),
    customer && el("div", { class: "column holdings" }, productsCard(customer.products, nowS), lifeCard(customer.life_events)),
    customer && contactsCard(customer.contacts)));
  byId("pop").replaceChildren(...parts);
}

/** Name or number, for the window title and the alert. */
export function callerName(pop) {
  if (pop === null) return t("no_name");
  return pop.customer?.name || pop.caller_name || (pop.ani ? phoneNumber(pop.ani) : t("withheld"));
}

function who(offer, pop, customer, redraw) {
  const name = customer?.name || (pop?.candidates.length ? t("several", { n: pop.candidates.length }) : callerName(pop));
  const number = pop?.ani ? phoneNumber(pop.ani) : t("withheld");
  return el("section", { class: "who card" },
    el("div", { class: "who-main" },
      el("h1", {}, foreign(name)),
      el("div", { class: "who-number" }, pop ? el("bdi", { dir: "ltr", class: "number" }, number) : null, ...badges(pop, customer)),
      customer && pop.candidates.length ? backButton(offer, redraw) : null,
      el("div", { class: "muted who-more" }, ...whoMore(pop, customer)),
    ),
    customer ? figures(pop, customer) : null,
  );
}

function badges(pop, customer) {
  if (pop === null) return [];
  if (customer) return [el("span", { class: "badge caution" }, t("recognised"))];
  if (pop.candidates.length || pop.ani === null) return [];
  return [el("span", { class: "badge plain" }, t("unknown_number"))];
}

function whoMore(pop, customer) {
  if (pop === null) return [t("loading")];
  const parts = [];
  if (customer) {
    parts.push(t("customer_no", { id: customer.id }), " · ", t("since", { year: customer.since_on.slice(0, 4) }));
    if (pop.caller_name && pop.caller_name.toLowerCase() !== customer.name.toLowerCase()) {
      parts.push(" · ", t("network_name"), foreign(pop.caller_name));
    }
  } else if (pop.candidates.length) parts.push(t("several_more"));
  else parts.push(t(pop.ani === null ? "withheld_more" : "unknown_number_more"));
  return parts;
}

function figures(pop, customer) {
  const risk = customer.churn_risk >= CHURN_HIGH ? "high" : customer.churn_risk >= CHURN_RAISED ? "raised" : "low";
  return el("dl", { class: "figures" },
    figure(t("segment"), foreign(siteWord("segment", customer.segment))),
    figure(t("value"), money(customer.yearly_value_cents, customer.products[0]?.currency ?? "CNY", { whole: true })),
    figure(t("churn"), el("span", { class: `risk ${risk}` },
      el("span", { class: "risk-mark", "aria-hidden": "true" }), `${word("churn", risk)} · ${percent(customer.churn_risk)}`)),
    customer.agent ? figure(t("own_agent"), foreign(customer.agent)) : null,
    figure(t("speaks"), foreign(word("language", pop.language || customer.language))),
  );
}

const figure = (label, value) => el("div", {}, el("dt", {}, label), el("dd", {}, value));

function casesCard(cases, nowS) {
  return el("section", { class: "card cases" }, ...cases.map((one) => {
    const late = one.due_at !== null && one.due_at < nowS;
    return el("div", { class: "case" },
      el("span", { class: "case-mark", "aria-hidden": "true" }, "!"),
      el("div", {},
        el("div", { class: "case-title" }, el("strong", {}, t("cases")), " ", foreign(one.number), " · ", foreign(one.subject)),
        el("div", { class: "case-more" },
          `${t("tier", { tier: one.tier })} · ${t("opened", { date: dayOf(one.opened_at) })}`,
          one.due_at === null ? null : el("span", { class: late ? "late" : "" },
            ` · ${t(late ? "overdue" : "due", { date: moment(one.due_at) })}`))));
  }));
}

function whyCard(offer, pop) {
  const path = pop?.path ?? [];
  return card("why", t("why"),
    el("p", { class: "reason" }, foreign(word("task", offer.reason))),
    pop?.habit ? el("p", { class: "habit" }, el("span", { class: "label" }, t("usually")), foreign(pop.habit)) : null,
    ...heardFirst(pop),
    el("h3", {}, t("path")),
    path.length === 0 ? el("p", { class: "muted" }, t("no_path")) : el("ol", { class: "path" }, ...path.map((step) =>
      el("li", {},
        el("time", {}, timeOfDay(step.at)),
        step.key ? el("kbd", { "aria-label": t("pressed", { key: step.key }) }, step.key) : el("span", { class: "nokey" }),
        foreign(step.text)))));
}

/** What the caller's menu put in front and why, and which menus they keep as they are. */
function heardFirst(pop) {
  const lines = [], heard = pop?.heard_first;
  if (heard) {
    const because = ours(heard.because);
    lines.push(el("p", { class: "habit heard-first" }, el("span", { class: "label" }, t("heard_first")), " ",
      foreign(ours(heard.label) ?? heard.menu), t("colon"), because ? foreign(because) : t(`because_${heard.why}`)));
  }
  if (pop?.frozen.length) {
    lines.push(el("p", { class: "habit frozen" }, el("span", { class: "label" }, t("frozen")), " ",
      ...pop.frozen.flatMap((menu, place) => [place ? ", " : "", foreign(menu)])));
  }
  return lines;
}

/** Of a text in several languages that of the screen, else the first. */
const ours = (texts) => (texts.find(([name]) => name === language()) ?? texts[0])?.[1];

function productsCard(products, nowS) {
  if (products.length === 0) return card("products", t("products"), el("p", { class: "muted" }, t("no_products")));
  return card("products", t("products"), el("ul", { class: "rows" }, ...products.map((product) =>
    el("li", {},
      el("div", { class: "row" },
        el("span", { class: "row-name" }, foreign(word("product", product.kind))),
        el("span", { class: "amount" }, money(product.balance_cents, product.currency))),
      el("div", { class: "row small" },
        el("span", { class: "muted" }, foreign(product.name)),
        product.key_on ? keyDate(product, nowS) : null)))));
}

function keyDate(product, nowS) {
  const days = daysUntil(product.key_on, nowS);
  const near = days >= 0 && days <= SOON_DAYS;
  return el("span", { class: near ? "key-date soon" : "key-date" },
    el("span", {}, `${word("key_date", product.key_kind ?? "")} ${day(product.key_on)}`),
    near ? el("span", {}, ` (${inDays(days)})`) : null);
}

function lifeCard(events) {
  if (events.length === 0) return null;
  return card("life", t("life"), el("ul", { class: "rows" }, ...events.map((event) =>
    el("li", {}, el("div", { class: "row" },
      el("span", { class: "row-name" }, foreign(word("life", event.kind))), el("span", { class: "muted" }, day(event.on)))))));
}

function contactsCard(contacts) {
  if (contacts.length === 0) return card("contacts", t("contacts"), el("p", { class: "muted" }, t("no_contacts")));
  return card("contacts", t("contacts"), el("ul", { class: "rows" }, ...contacts.map((contact) =>
    el("li", {},
      el("div", { class: "row" },
        el("span", { class: "row-name" }, foreign(word("task", contact.about))),
        el("span", { class: "badge plain" }, foreign(word("channel", contact.channel)))),
      el("div", { class: "row small muted" },
        moment(contact.at), contact.outcome ? foreign(word("disposition", contact.outcome)) : null)))));
}

const card = (kind, title, ...content) => el("section", { class: `card ${kind}` }, el("h2", {}, title), ...content);

// --- several customers with one number ---------------------------------------------------------------------------

const chosenName = (offerId) => `ringwise.chosen.${offerId}`;
const chosen = (offerId) => sessionStorage.getItem(chosenName(offerId)) ?? "";

function pickList(offer, pop, redraw) {
  return el("div", { class: "picks", role: "list" }, ...pop.candidates.map((customer) => {
    const pick = el("button", { type: "button", class: "pick card" },
      el("strong", {}, foreign(customer.name)),
      el("span", { class: "muted" }, `${siteWord("segment", customer.segment)} · ${t("customer_no", { id: customer.id })}`),
      customer.cases.length ? el("span", { class: "badge caution" }, t("cases")) : null);
    pick.addEventListener("click", () => {
      sessionStorage.setItem(chosenName(offer.offer_id), String(customer.id));
      redraw();
    });
    return el("div", { role: "listitem" }, pick);
  }));
}

function backButton(offer, redraw) {
  const back = el("button", { type: "button", class: "quiet" }, t("back_to_list"));
  back.addEventListener("click", () => {
    sessionStorage.removeItem(chosenName(offer.offer_id));
    redraw();
  });
  return back;
}
