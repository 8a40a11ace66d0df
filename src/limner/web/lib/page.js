// What the page knows and what a person can do with it. The parts show it and call it.

import * as api from "./api.js";
import { path, sibling } from "./chat.js";
import { emptyRun, fromResponse, receive, TERMINAL } from "./run.js";
import { dataUrl } from "./pictures.js";
import { loadSettings, saveSettings, sizeOf } from "./settings.js";
import { makeStore } from "./store.js";

const RETRIES = 3;

export const page = makeStore({
  ready: null, // what /readyz says, null before the first answer
  models: [],
  painter: {},
  needsKey: false,
  chats: [],
  chatId: null,
  title: "",
  turns: [],
  chosen: new Map(),
  view: "chat", // chat | gallery
  drawer: null, // null | queue | details
  selected: null, // id of the picture whose details are shown
  attached: [], // pictures of the message that is being written: {name, dataUrl} or {id}
  editing: null, // what the mask editor has open: {id, turn}
  settings: loadSettings(),
  spoken: "", // what the live region says
  notice: null, // {text, undo?} at the foot of the page
});

/** The turns shown, from the first to the last. */
export const shownTurns = ({ turns, chosen } = page.get()) => path(turns, chosen);

export const isBusy = ({ turns } = page.get()) => turns.some(({ run }) => !TERMINAL.has(run.status));

export function setSettings(change) {
  page.set(({ settings }) => ({ settings: { ...settings, ...change } }));
  saveSettings(page.get().settings);
}

/** Ask what is there: models, chats, whether a key is needed. */
export async function start() {
  try {
    const [models, chats] = await Promise.all([
      api.getJson("/v1/models"),
      api.getJson("/v1/conversations?limit=50"),
    ]);
    const painter = models.data.find(({ limner }) => limner?.kind === "image")?.limner ?? {};
    page.set({ models: models.data, painter, chats: chats.data, needsKey: false });
  } catch (error) {
    if (error.status !== 401) throw error;
    page.set({ needsKey: true });
  }
}

export function newChat() {
  page.set({ chatId: null, title: "", turns: [], chosen: new Map(), view: "chat", attached: [] });
}

/** Show a kept chat; what is still going on in it goes on here. */
export async function openChat(id) {
  page.set({ chatId: id, title: titleOf(id), turns: [], chosen: new Map(), view: "chat" });
  const turns = [];
  for (let after = ""; ; ) {
    const query = `metadata[chat]=${id}&order=asc&limit=100&include[]=input${after && `&after=${after}`}`;
    const found = await api.getJson(`/v1/responses?${query}`);
    turns.push(...found.data.map(kept));
    if (!found.has_more) break;
    after = found.last_id;
  }
  if (page.get().chatId !== id) return;
  page.set({ turns });
  for (const turn of turns) if (!TERMINAL.has(turn.run.status)) follow(turn.id);
}

const titleOf = (id) => page.get().chats.find((chat) => chat.id === id)?.metadata?.title ?? "";

function kept(response) {
  const message = response.input?.findLast((item) => item.role === "user");
  const named = response.input?.filter(({ type }) => type === "image_generation_call") ?? [];
  const parts = typeof message?.content === "string" ? [{ type: "input_text", text: message.content }] : (message?.content ?? []);
  return {
    id: response.id,
    previousId: response.metadata?.parent ?? response.previous_response_id,
    input: {
      text: parts.filter(({ text }) => text).map(({ text }) => text).join("\n"),
      pictures: [
        ...named.map(({ id }) => ({ id })),
        ...parts.filter(({ type }) => type === "input_image").map(({ image_url }) => ({ url: image_url })),
      ],
      tool: response.tools?.find(({ type }) => type === "image_generation") ?? null,
      alone: !response.previous_response_id && Boolean(response.metadata?.parent),
    },
    run: fromResponse(response),
  };
}

/** Say something: a new turn below the last one that is shown, in as many versions as wanted. */
export async function send(text, { pictures = page.get().attached, count = 1 } = {}) {
  const previousId = shownTurns().at(-1)?.id ?? null;
  page.set({ attached: [] });
  if (!page.get().chatId) await beginChat(text);
  const versions = Array.from({ length: count }, () => ask({ previousId, text, pictures, tool: chosenTool() }));
  await Promise.all(versions);
}

/**
 * Change a part of a picture: a new turn that knows this picture alone, since a mask belongs to the
 * first picture of a context.
 */
export async function editPicture(turn, id, text, mask) {
  const url = await dataUrl(await mask.toPng());
  return ask({
    previousId: turn.id,
    alone: true,
    text,
    pictures: [{ id, mask: url }],
    tool: { action: "edit", input_image_mask: { image_url: url } },
  });
}

/** The same turn, but painted anew instead of edited, or the other way round. */
export const correct = (turn, item) =>
  retry(turn, { tool: { action: item.action === "edit" ? "generate" : "edit" } });

/** Another version of a turn: the same words, other noise. */
export function retry(turn, { text = turn.input.text, tool = {} } = {}) {
  const { seed: _, ...asked } = turn.input.tool ?? chosenTool();
  return ask({
    previousId: turn.previousId,
    alone: turn.input.alone,
    text,
    pictures: turn.input.pictures,
    tool: { ...asked, ...tool },
  });
}

/** What the person has chosen, as fields of the image tool. */
function chosenTool({ settings, painter } = page.get()) {
  const size = sizeOf(settings.ratio, painter);
  return { ...(size && { size }), ...(settings.seed !== null && { seed: settings.seed }) };
}

/** alone: begin a new context with the pictures given, wherever in the chat the turn stands. */
async function ask({ previousId, text, pictures, tool, alone = false }) {
  const { chatId, models } = page.get();
  const turn = {
    id: `new-${crypto.randomUUID()}`,
    previousId,
    input: { text, pictures, tool, alone },
    run: emptyRun(),
  };
  page.set(({ turns, chosen }) => ({
    turns: [...turns, turn],
    chosen: new Map(chosen).set(previousId ?? "", turn.id),
  }));
  const body = {
    model: models.find(({ limner }) => limner?.kind !== "image")?.id ?? "limner",
    input: inputOf(text, pictures),
    tools: [{ type: "image_generation", partial_images: 3, ...tool }],
    metadata: { chat: chatId, ...(previousId && { parent: previousId }) },
    ...(previousId && !alone && { previous_response_id: previousId }),
  };
  try {
    await watch(turn.id, api.startResponse(body, { idempotencyKey: turn.id }));
  } catch (error) {
    fail(turn.id, error);
  }
}

/** Pictures that the server has are named by their id; others come along. */
function inputOf(text, pictures) {
  const named = pictures.filter(({ id }) => id).map(({ id }) => ({ type: "image_generation_call", id }));
  const brought = pictures.filter(({ id }) => !id).map(({ url }) => ({ type: "input_image", image_url: url }));
  const content = text ? [...brought, { type: "input_text", text }] : brought;
  return [...named, { type: "message", role: "user", content }];
}

async function beginChat(text) {
  const title = text.slice(0, 80);
  const chat = await api.postJson("/v1/conversations", { metadata: { title } });
  page.set(({ chats }) => ({ chatId: chat.id, title, chats: [chat, ...chats] }));
}

/** Read the events of a turn into its run; its id becomes the response's as soon as that is known. */
async function watch(id, events) {
  for await (const event of events) {
    const turn = page.get().turns.find((each) => each.id === id);
    if (!turn) return id;
    const run = receive(turn.run, event);
    put(id, { run, id: run.id ?? id });
    id = run.id ?? id;
  }
  return id;
}

/** Go on with a response that was begun before, from what is known of it. */
export async function follow(id) {
  for (let tries = 0; tries < RETRIES; tries++) {
    const turn = page.get().turns.find((each) => each.id === id);
    if (!turn || TERMINAL.has(turn.run.status)) return;
    try {
      put(id, { lost: tries > 0 });
      await watch(id, api.followResponse(id, turn.run.after));
      put(id, { lost: false });
    } catch (error) {
      if (error instanceof api.ApiError) return fail(id, error);
      await new Promise((wake) => setTimeout(wake, 1000 * 2 ** tries));
    }
  }
  put(id, { lost: true });
}

function put(id, change) {
  page.set(({ turns, chosen }) => ({
    turns: turns.map((turn) => (turn.id === id ? { ...turn, ...change } : turn)),
    chosen: change.id && change.id !== id ? renamed(chosen, id, change.id) : chosen,
  }));
}

const renamed = (chosen, from, to) =>
  new Map([...chosen].map(([key, id]) => [key === from ? to : key, id === from ? to : id]));

/** A stream that broke off is followed again; a refusal stays, with the person's words. */
function fail(id, error) {
  const turn = page.get().turns.find((each) => each.id === id);
  if (turn?.run.id && !(error instanceof api.ApiError)) return follow(turn.run.id);
  const said = { code: error.code ?? "unreachable", message: error.message, requestId: error.requestId };
  return put(id, { run: { ...turn.run, status: "failed", error: said } });
}

/** Stop a turn; what it has made stays. */
export async function cancel(turn) {
  put(turn.id, { cancelling: true });
  if (turn.run.id) await api.postJson(`/v1/responses/${turn.run.id}/cancel`, {});
}

export function showVersion(turn, step) {
  const other = sibling(page.get().turns, turn, step);
  page.set(({ chosen }) => ({ chosen: new Map(chosen).set(turn.previousId ?? "", other.id) }));
}
