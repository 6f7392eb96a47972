// Numbers, money, dates and durations in the agent's language.

import { language } from "./text.js";

const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");
const made = new Map();

function formatter(kind, options) {
  const key = `${kind.name} ${locale()} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new kind(locale(), options));
  return made.get(key);
}

export function money(cents, currency, { whole = false } = {}) {
  const amount = cents / 100;
  const digits = whole ? 0 : 2;
  const shape = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  if (!/^[A-Z]{3}$/.test(currency)) return `${formatter(Intl.NumberFormat, shape).format(amount)} ${currency}`;
  return formatter(Intl.NumberFormat, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...shape }).format(amount);
}

export const percent = (share) => formatter(Intl.NumberFormat, { style: "percent" }).format(share);

/** A day of the calendar, 2026-12-31. */
export const day = (iso) =>
  formatter(Intl.DateTimeFormat, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${iso}T00:00:00Z`));

/** Whole days from the server's today to a day of the calendar; negative when it has passed. */
export function daysUntil(iso, nowS) {
  const now = new Date(nowS * 1000);
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  return Math.round((Date.parse(`${iso}T00:00:00Z`) - today) / 86400000);
}

export const inDays = (days) => formatter(Intl.RelativeTimeFormat, { numeric: "auto" }).format(days, "day");

export const moment = (epochS) =>
  formatter(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" }).format(new Date(epochS * 1000));

export const dayOf = (epochS) => formatter(Intl.DateTimeFormat, { dateStyle: "medium" }).format(new Date(epochS * 1000));

export const timeOfDay = (epochS) => formatter(Intl.DateTimeFormat, { timeStyle: "medium" }).format(new Date(epochS * 1000));

/** 0:07, 12:40, 1:02:03. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A number as people read it: +86 138 0000 0001. Only spaces are added. */
export function phoneNumber(e164) {
  const chinese = /^\+86(\d{3})(\d{4})(\d{4})$/.exec(e164);
  if (chinese) return `+86 ${chinese.slice(1).join(" ")}`;
  return e164.replace(/^(\+\d{2})(\d+)$/, (_, country, rest) => `${country} ${rest.replace(/(\d{3})(?=\d{2,})/g, "$1 ")}`);
}
