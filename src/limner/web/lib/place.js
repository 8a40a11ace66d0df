// Where the page is, told by its address, so that reload, Back and bookmarks lead there:
// `#conv_1`, `#conv_1/resp_2`, `#gallery`, or nothing for a new chat.

export function readPlace(hash = location.hash) {
  const [first, turnId = null] = decodeURIComponent(hash.slice(1)).split("/");
  if (first === "gallery") return { view: "gallery", chatId: null, turnId };
  return { view: "chat", chatId: first.startsWith("conv_") ? first : null, turnId };
}

export function writePlace({ view, chatId }) {
  const hash = view === "gallery" ? "#gallery" : chatId ? `#${chatId}` : "";
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname + location.search);
}
