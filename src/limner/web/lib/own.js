// What a person does with pictures that are there: star, delete, copy, use for what comes next.

import * as api from "./api.js";
import { t } from "./i18n.js";
import { showChat } from "./open.js";
import { readPictures } from "./pictures.js";
import { removeLater } from "./removal.js";
import { page } from "./state.js";

/** Star a picture or take the star away; shown at once, and put back when the server refuses. */
export async function star(id, starred = !page.get().stars.has(id)) {
  const put = (wanted) =>
    page.set(({ stars }) => ({ stars: new Set(wanted ? [...stars, id] : [...stars].filter((each) => each !== id)) }));
  put(starred);
  try {
    await api.postJson(`/v1/images/${id}`, { starred });
  } catch (error) {
    put(!starred);
    page.set({ notice: { text: error.message } });
  }
}

/** Delete a picture; for ten seconds it can be taken back. quiet: the card itself says so. */
export const removePicture = (id, { quiet = false } = {}) =>
  removeLater(id, quiet ? "" : t("picture-deleted"), () => api.remove(`/v1/images/${id}`));

/** Whether this browser lets a page put things on the clipboard; over plain HTTP none does. */
export const canCopy = () => Boolean(navigator.clipboard?.write);

export async function copyText(text) {
  await navigator.clipboard.writeText(text);
  page.set({ notice: { text: t("copied") } });
}

/** The bytes are promised rather than awaited: Safari wants the write within the click itself. */
export async function copyPicture(id) {
  const png = api.request("GET", `/v1/images/${id}?format=png`).then((reply) => reply.blob());
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    page.set({ notice: { text: t("copied") } });
  } catch (error) {
    page.set({ notice: { text: error.message } });
  }
}

/** Let a picture go with the next message. */
export function reference(id) {
  page.set(({ attached }) => ({
    attached: attached.some((picture) => picture.id === id) ? attached : [...attached, { id }],
  }));
  showChat();
  focusBox();
}

/** Ends when all files that were brought so far are read: a message does not leave without them. */
export let allRead = Promise.resolve();

/** Let files of a person's own go with the next message; what cannot is told. */
export function attach(files) {
  allRead = Promise.all([allRead, readAll(files).catch((error) => page.set({ notice: { text: error.message } }))]);
  return allRead;
}

async function readAll(files) {
  const { pictures, problems } = await readPictures(files);
  const told = problems.map(({ name, why }) => t(`problem-${why}`, { name })).join(" ");
  page.set(({ attached }) => ({ attached: [...attached, ...pictures], problem: told }));
  showChat();
  focusBox();
}

/** Where the chat has only just been shown, its box comes with the next frame. */
export function focusBox() {
  const box = () => document.getElementById("box");
  if (box()) box().focus();
  else requestAnimationFrame(() => box()?.focus());
}
