// Pictures as files, under the names that the server gives them.

import { getKey, request } from "./api.js";
import { page } from "./state.js";

const FREE_AFTER_MS = 60_000;

/** format: `png`, `jpeg`, `webp`, or the picture's own; bare: without what it says of how it was made. */
export function download(id, { format, bare = false } = {}) {
  const path = pathOf(id, { format, bare });
  return getKey() ? told(async () => saveFile(await fetchFile(path))) : save(path);
}

/** Whether this device can hand a picture to its other programs; phones can, few desktops. */
export const canShare = () =>
  Boolean(navigator.canShare?.({ files: [new File([], "picture.png", { type: "image/png" })] }));

/** Hand a picture, with what it says of itself, to another program of the device. */
export const share = (id) =>
  told(async () => {
    const { name, blob } = await fetchFile(pathOf(id, {}));
    const files = [new File([blob], name, { type: blob.type })];
    await navigator.share({ files }).catch((error) => {
      if (error.name !== "AbortError") throw error; // thought better of it
    });
  });

/** Several pictures as they are, in one file. */
export const downloadAll = (ids) =>
  told(async () => {
    const { zip } = await import("./zip.js");
    const files = await Promise.all(ids.map((id) => fetchFile(pathOf(id, {}))));
    const read = files.map(async ({ name, blob }) => ({ name, bytes: new Uint8Array(await blob.arrayBuffer()) }));
    saveFile({ name: "limner.zip", blob: zip(await Promise.all(read)) });
  });

function pathOf(id, { format, bare }) {
  const asked = { ...(format && { format }), ...(bare && { metadata: "none" }), download: "true" };
  return `/v1/images/${encodeURIComponent(id)}?${new URLSearchParams(asked)}`;
}

async function fetchFile(path) {
  const response = await request("GET", path);
  return { name: fileName(response.headers.get("content-disposition")), blob: await response.blob() };
}

/** The name in a Content-Disposition header, RFC 6266; its extended form goes first. */
export function fileName(disposition) {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? "");
  if (extended) return decodeURIComponent(extended[1]);
  return /filename="?([^";]+)/i.exec(disposition ?? "")?.[1] ?? "picture";
}

function saveFile({ name, blob }) {
  const address = URL.createObjectURL(blob);
  save(address, name);
  setTimeout(() => URL.revokeObjectURL(address), FREE_AFTER_MS);
}

function save(address, name = "") {
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
}

async function told(act) {
  try {
    await act();
  } catch (error) {
    page.set({ notice: { text: error.message } });
  }
}
