// What was said in this browser, newest first, for the up-arrow; no more than a few dozen.

const NAME = "limner.said";
const MOST = 50;

export function remembered() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? [];
  } catch {
    return [];
  }
}

export function remember(text) {
  if (!text) return;
  const said = [text, ...remembered().filter((each) => each !== text)].slice(0, MOST);
  localStorage.setItem(NAME, JSON.stringify(said));
}
