// Runs before the first paint: the remembered theme and language must not flash past the default ones.
(() => {
  const root = document.documentElement;
  let kept = {};
  try {
    kept = { theme: localStorage.getItem("hazgate.theme"), language: localStorage.getItem("hazgate.language") };
  } catch { /* Storage is switched off: the defaults hold. */ }
  if (kept.theme === "light" || kept.theme === "dark") root.dataset.theme = kept.theme;
  const preferred = kept.language ?? (navigator.languages ?? [navigator.language]).find((tag) => /^(zh|en)/i.test(tag));
  root.lang = /^zh/i.test(preferred ?? "en") ? "zh-CN" : "en";
})();
