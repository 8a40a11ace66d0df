// Words of the page: flat JSON per language, with {names} and plural forms by `Intl.PluralRules`.
//
// A text with plural forms is an object: {"one": "{n} picture", "other": "{n} pictures"}.

export const LANGUAGES = ["en", "ru"];

let words = {};
let plural = new Intl.PluralRules("en");
export let language = "en";

/** The stored choice, else the browser's first language that we have, else English. */
export function wantedLanguage() {
  const stored = localStorage.getItem("limner.language");
  const wanted = [stored, ...navigator.languages].filter(Boolean).map((tag) => tag.slice(0, 2));
  return wanted.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

export async function loadLanguage(tag = wantedLanguage()) {
  words = await (await fetch(new URL(`../locales/${tag}.json`, import.meta.url))).json();
  plural = new Intl.PluralRules(tag);
  language = tag;
  document.documentElement.lang = tag;
}

/** The text of this name; unknown names show themselves, which a test finds. */
export function t(name, values = {}) {
  let text = words[name] ?? name;
  if (typeof text === "object") text = text[plural.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export const formatNumber = (value, options) => new Intl.NumberFormat(language, options).format(value);
export const formatDate = (seconds) =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
