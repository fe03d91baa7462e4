// The page's language: Chinese or English, by the browser's wish until the operator chooses, then remembered.

import { changed } from "./store.js";
import { words } from "./words.js";

/** `zh` or `en`. */
export const language = () => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

export function setLanguage(next) {
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  remember("hazgate.language", next);
  changed("language");
}

/** The words under `key`, with `{name}` replaced. */
export function t(key, values = {}) {
  const phrase = words[key]?.[language() === "zh" ? 0 : 1];
  if (phrase === undefined) return key;
  return phrase.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** A text of the gateway's, which it has in both languages. */
export const say = (pair) => (pair ? pair[language()] || pair.zh || pair.en : "");

/** Keeps a choice, if the browser lets us. */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch { /* Storage is switched off: the choice holds until the page is closed. */ }
}

export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
