// Style sheets of parts that are not there from the beginning, each fetched once.

const asked = new Map();

/** Ends when the sheet `style/{name}.css` holds, or could not be fetched. */
export function needStyle(name) {
  if (!asked.has(name)) asked.set(name, fetchSheet(new URL(`../style/${name}.css`, import.meta.url)));
  return asked.get(name);
}

function fetchSheet(address) {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address });
  document.head.append(link);
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
}
