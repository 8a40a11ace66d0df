// Words of the page: flat JSON per language, with {names} and plural forms by `Intl.PluralRules`.
//
// A text with plural forms is an object, {"one": "{n} picture", "other": "{n} pictures"}; one that
// counts places has its forms below "ordinal": {"ordinal": {"one": "{n}st", "other": "{n}th"}}.

/** By tag, each in its own words. */
export const LANGUAGES = { en: "English", ru: "Русский" };
const NAME = "limner.language";

let words = {};
let plural = new Intl.PluralRules("en");
let ordinal = plural;
export let language = "en";

/** The stored choice, else the browser's first language that we have, else English. */
export function wantedLanguage() {
  const stored = localStorage.getItem(NAME);
  const wanted = [stored, ...navigator.languages].filter(Boolean).map((tag) => tag.slice(0, 2));
  return wanted.find((tag) => tag in LANGUAGES) ?? "en";
}

export async function loadLanguage(tag = wantedLanguage()) {
  words = await (await fetch(new URL(`../locales/${tag}.json`, import.meta.url))).json();
  plural = new Intl.PluralRules(tag);
  ordinal = new Intl.PluralRules(tag, { type: "ordinal" });
  language = tag;
  document.documentElement.lang = tag;
}

/** Read the page in another language, now and next time. */
export async function chooseLanguage(tag) {
  localStorage.setItem(NAME, tag);
  await loadLanguage(tag);
}

/** The text of this name; unknown names show themselves, which a test finds. */
export function t(name, values = {}) {
  let text = words[name] ?? name;
  if (text.ordinal) text = form(text.ordinal, ordinal, values.n);
  else if (typeof text === "object") text = form(text, plural, values.n);
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export const has = (name) => name in words;

const form = (forms, rules, n) => forms[rules.select(n)] ?? forms.other;

export const formatNumber = (value, options) => new Intl.NumberFormat(language, options).format(value);
export const formatDate = (seconds) =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);

/** How long ago something was, in few words: "5 sec. ago". */
export function timeAgo(seconds) {
  const [value, unit] = fitting(seconds);
  return new Intl.RelativeTimeFormat(language, { style: "short" }).format(-Math.round(value), unit);
}

const fitting = (seconds) => (seconds < 100 ? [seconds, "second"] : [seconds / 60, "minute"]);

/** What is left of something that takes this many seconds: "about 5 sec"; nothing where unknown. */
export function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const [value, unit] = fitting(seconds);
  const rounded = Math.max(1, Math.round(value));
  return t("eta", { time: formatNumber(rounded, { style: "unit", unit, unitDisplay: "short" }) });
}
