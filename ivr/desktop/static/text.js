// The language of the screen: what the page itself says, in English and Chinese.

import { WORDS } from "./words.js";

const KEPT = "ringwise.language";
const listeners = new Set();
let siteWords = new Map();
let current = stored() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function stored() {
  const kept = localStorage.getItem(KEPT);
  return kept in WORDS ? kept : null;
}

export const language = () => current;

/** Called whenever the language changes. */
export const onLanguage = (listener) => listeners.add(listener);

export function setLanguage(name) {
  current = name;
  localStorage.setItem(KEPT, name);
  apply();
  for (const listener of listeners) listener();
}

/** A sentence of the page, {places} filled in. */
export function t(key, values = {}) {
  return WORDS[current].page[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** The word for a value of a known kind (segment, product …); a value that we do not know is shown as it is. */
export function word(kind, value) {
  return WORDS[current][kind]?.[value] ?? String(value).replaceAll("_", " ");
}

/** Of words by language, [language, text], those of the page, else the first; nothing where there are none. */
export const inOurLanguage = (words) => (words.find(([name]) => name === current) ?? words[0])?.[1];

/** The site's own words, as the server tells them: [{kind, name, words}]. */
export const setSiteWords = (words) => { siteWords = new Map((words ?? []).map((one) => [`${one.kind} ${one.name}`, one.words])); };

/** The names of a kind for which the site has words. */
export const siteNames = (kind) => [...siteWords.keys()].filter((key) => key.startsWith(`${kind} `)).map((key) => key.slice(kind.length + 1));

/** What the site calls something; what it has no word for, as the page does. */
export function siteWord(kind, value) {
  return inOurLanguage(siteWords.get(`${kind} ${value}`) ?? []) ?? word(kind === "about" ? "task" : kind, value);
}

/** Put the page's own texts and language buttons right. */
export function apply() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === current));
    node.onclick = () => setLanguage(node.dataset.language);
  }
}
