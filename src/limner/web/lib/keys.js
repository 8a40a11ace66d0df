// Every key of the page, in one table: what the parts act upon and what `?` shows.
//
// where: `box` while writing, `page` anywhere but in a field, `card` on a focused picture, `gallery`
// on a picture there and in its preview, `mask` in the mask editor.

/** @type {Array<{where: string, key: string, does: string, shift?: boolean, ctrl?: boolean}>} */
export const KEYS = [
  { where: "box", key: "Enter", does: "send" },
  { where: "box", key: "Enter", ctrl: true, does: "send" },
  { where: "box", key: "Enter", shift: true, does: "new-line" },
  { where: "box", key: "ArrowUp", does: "recall" },
  { where: "page", key: "Escape", does: "stop" },
  { where: "page", key: "/", does: "write" },
  { where: "page", key: "k", ctrl: true, does: "new-chat" },
  { where: "page", key: "g", does: "gallery" },
  { where: "page", key: "q", does: "queue" },
  { where: "page", key: "?", does: "keys" },
  { where: "card", key: "r", does: "retry" },
  { where: "card", key: "r", shift: true, does: "retry-same" },
  { where: "card", key: "e", does: "edit-prompt" },
  { where: "card", key: "m", does: "edit-picture" },
  { where: "card", key: "d", does: "download" },
  { where: "card", key: "s", does: "star" },
  { where: "card", key: "c", does: "compare" },
  { where: "card", key: ",", does: "earlier" },
  { where: "card", key: ".", does: "later" },
  { where: "card", key: "i", does: "details" },
  { where: "card", key: "Delete", does: "delete" },
  { where: "gallery", key: " ", does: "preview" },
  { where: "gallery", key: "ArrowLeft", does: "before" },
  { where: "gallery", key: "ArrowRight", does: "after" },
  { where: "gallery", key: "c", does: "compare-two" },
  { where: "gallery", key: "d", does: "download" },
  { where: "gallery", key: "s", does: "star" },
  { where: "gallery", key: "i", does: "details" },
  { where: "gallery", key: "m", does: "to-chat" },
  { where: "gallery", key: "Delete", does: "delete" },
  { where: "mask", key: "b", does: "brush" },
  { where: "mask", key: "e", does: "erase" },
  { where: "mask", key: "r", does: "square" },
  { where: "mask", key: "[", does: "thinner" },
  { where: "mask", key: "]", does: "thicker" },
  { where: "mask", key: "i", does: "invert" },
  { where: "mask", key: "z", ctrl: true, does: "undo" },
  { where: "mask", key: "z", ctrl: true, shift: true, does: "redo" },
  { where: "mask", key: "y", ctrl: true, does: "redo" },
  { where: "mask", key: "Arrows", does: "move" },
  { where: "mask", key: "Arrows", shift: true, does: "stretch" },
  { where: "mask", key: "Enter", does: "select" },
  { where: "mask", key: "Delete", does: "unselect" },
  { where: "mask", key: "+", does: "nearer" },
  { where: "mask", key: "=", does: "nearer" },
  { where: "mask", key: "-", does: "farther" },
  { where: "mask", key: "0", does: "whole" },
  { where: "mask", key: " ", does: "hold" },
];

/** What a key does there, or undefined. `?` and `/` need Shift on some keyboards: it is not asked for. */
export function deedOf(event, where) {
  if (event.isComposing || event.altKey) return undefined;
  const ctrl = event.ctrlKey || event.metaKey;
  const pressed = latin(event).toLowerCase();
  const isKey = ({ key }) => key.toLowerCase() === pressed || (key === "Arrows" && pressed.startsWith("arrow"));
  const named = (entry) => entry.where === where && isKey(entry);
  const matches = KEYS.filter((entry) => named(entry) && Boolean(entry.ctrl) === ctrl);
  const exact = matches.find((entry) => Boolean(entry.shift) === event.shiftKey);
  return (exact ?? matches.find(({ key }) => !/^[a-z]/i.test(key)))?.does;
}

const SIGNS_BY_CODE = { Comma: ",", Period: ".", BracketLeft: "[", BracketRight: "]" };

/** What the key is called where letters are Latin: a Russian keyboard's И stands where B does. */
function latin({ key, code }) {
  if (!/^\P{ASCII}$/u.test(key)) return key;
  return SIGNS_BY_CODE[code] ?? /^Key(.)$/.exec(code)?.[1] ?? key;
}

/** Whether the event comes from where letters are written, not commanded. */
export const isWriting = ({ target }) => Boolean(target.closest?.("input, textarea, select, [contenteditable], dialog"));

const SIGNS = { ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Arrows: "← ↑ → ↓", Escape: "Esc", Delete: "Del", Enter: "Enter", " ": "Space" };

/** The keys of an entry as they are printed. */
export const printed = ({ key, ctrl, shift }) => [
  ...(ctrl ? ["Ctrl"] : []),
  ...(shift ? ["Shift"] : []),
  SIGNS[key] ?? key.toUpperCase(),
];
