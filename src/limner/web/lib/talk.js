// Saying something and hearing the answer: requests that become turns, their events, and their end.

import * as api from "./api.js";
import { beginChat, dropEmptyChat, tellOthers, touchChat } from "./chats.js";
import { sibling } from "./chat.js";
import { dataUrl } from "./pictures.js";
import { emptyRun, receive, TERMINAL } from "./run.js";
import { smallerSize } from "./settings.js";
import { announce } from "./spoken.js";
import { addTurn, chosenTool, dropTurn, page, putTurn, runningTurns, shownTurns, talker, turnOf } from "./state.js";

const TRIES = 3;
const PARTIAL_IMAGES = 3;

/**
 * Say something: a new turn below the last one that is shown, in as many versions as wanted.
 * Ends when the server has accepted it. Raises what it was refused with; nothing is left then.
 */
export async function send(text, { pictures = page.get().attached, count = 1, tool = chosenTool() } = {}) {
  const previousId = lastId();
  page.set({ attached: [] });
  const isNew = !page.get().chatId;
  try {
    if (isNew) await beginChat(text);
    const turns = Array.from({ length: count }, () => newTurn({ previousId, text, pictures, tool }));
    await Promise.all(firstShown(turns, ask));
  } catch (error) {
    if (isNew) dropEmptyChat();
    page.set(({ attached }) => ({ attached: attached.length ? attached : pictures }));
    throw error;
  }
}

/** Begin all of them; of versions that are made together, the first to come is the one to see. */
function firstShown(turns, begin) {
  const begun = turns.map((turn) => begin(turn));
  pickVersion(turns[0]);
  return begun;
}

/** The last turn that the server knows: nothing can rest on one that it has refused. */
const lastId = () => shownTurns().findLast(({ run }) => run.id)?.id ?? null;

/**
 * Change a part of a picture: a new turn that knows this picture alone, since a mask belongs to the
 * first picture of a context.
 */
export async function editPicture(turn, id, text, mask) {
  const url = await dataUrl(await mask.toPng());
  const pictures = [{ id, mask: url }];
  const tool = { action: "edit", input_image_mask: { image_url: url } };
  return again(newTurn({ previousId: turn.id, alone: true, forced: true, text, pictures, tool }));
}

/** The same turn, but painted anew instead of edited, or the other way round. */
export const correct = (turn, item) =>
  retry(turn, { prompt: null, tool: { action: item.action === "edit" ? "generate" : "edit" } });

/**
 * Another version of a turn: the same words unless others are given, other noise.
 * prompt: what to paint, word for word; null leaves it to the model.
 */
export const retry = (turn, changes) => again(versionOf(turn, changes));

function versionOf(turn, { text, prompt = text ?? promptOf(turn), tool = {} } = {}) {
  const { seed: _, ...asked } = turn.input.tool ?? chosenTool();
  return newTurn({
    previousId: turn.previousId,
    alone: turn.input.alone,
    forced: turn.run.items.some((item) => item?.kind === "picture"),
    prompt,
    text: text ?? turn.input.text,
    pictures: turn.input.pictures,
    tool: { ...asked, ...tool },
  });
}

/** Once more with fewer pixels, for a back end that ran out of memory. */
export const retrySmaller = (turn, size) => retry(turn, { tool: { size: smallerSize(size, page.get().painter) } });

export const variations = (turn, count) =>
  Promise.all(firstShown(Array.from({ length: count }, () => versionOf(turn)), again));

/** What a turn's one picture was painted from; null where there are none or several. */
function promptOf({ run }) {
  const [picture, ...others] = run.items.filter((item) => item?.kind === "picture");
  return (!others.length && picture?.prompt) || null;
}

function newTurn({ previousId, text, pictures, tool, alone = false, forced = false, prompt = null }) {
  const input = { text, pictures, tool, alone, forced, prompt };
  return { id: `new-${crypto.randomUUID()}`, previousId, input, run: emptyRun() };
}

/** A version that is refused stays, with what the server said, so that it can be tried again. */
const again = (turn) => ask(turn, { keep: true }).catch(() => {});

/** Show a turn and ask for it; ends when the server has accepted, and goes on reading after that. */
async function ask(turn, { keep = false } = {}) {
  addTurn(turn);
  const events = api.startResponse(bodyOf(turn), { idempotencyKey: turn.id });
  try {
    const { value: opened } = await events.next();
    putTurn(turn.id, { run: receive(turn.run, opened) });
  } catch (error) {
    if (keep) fail(turn.id, error);
    else dropTurn(turn.id);
    throw error;
  }
  goOn(turn.id, events);
}

const partialImages = (painter) => (painter.partial_images === false ? {} : { partial_images: PARTIAL_IMAGES });

function bodyOf({ previousId, input: { text, pictures, tool, alone, forced, prompt } }) {
  const { painter, models } = page.get();
  const mayPaint = painter.name || !models.length; // nobody has told yet
  return {
    model: talker()?.id ?? "limner",
    input: inputOf(text, pictures),
    ...(mayPaint && { tools: [{ type: "image_generation", ...partialImages(painter), ...tool }] }),
    ...(forced && { tool_choice: { type: "image_generation" } }),
    ...(forced && prompt && { instructions: `Paint exactly this prompt, word for word: ${prompt}` }),
    metadata: { chat: page.get().chatId, ...(previousId && { parent: previousId }) },
    ...(previousId && !alone && { previous_response_id: previousId }),
  };
}

/** Pictures that the server has are named by their id; others come along. */
function inputOf(text, pictures) {
  const named = pictures.filter(({ id }) => id).map(({ id }) => ({ type: "image_generation_call", id }));
  const brought = pictures.filter(({ id }) => !id).map(({ url }) => ({ type: "input_image", image_url: url }));
  const content = text ? [...brought, { type: "input_text", text }] : brought;
  return [...named, { type: "message", role: "user", content }];
}

/** Read to the end; a stream that breaks off is followed again. */
async function goOn(id, events) {
  try {
    id = await watch(id, events);
  } catch (error) {
    const known = page.get().turns.find((turn) => turn.id === id || turn.startedAs === id);
    if (!known) return;
    id = known.id;
    if (!known.run.id || error instanceof api.ApiError) return fail(id, error);
  }
  await follow(id);
}

/** Read the events of a turn into its run; its id becomes the response's as soon as that is known. */
async function watch(id, events) {
  for await (const event of events) {
    const turn = turnOf(id);
    if (!turn) return id;
    const run = receive(turn.run, event);
    if (run.id && run.id !== id) accepted(turn, run);
    else putTurn(id, { run, lost: null });
    announce(turn.run, run);
    id = run.id ?? id;
  }
  const turn = turnOf(id);
  if (turn && TERMINAL.has(turn.run.status)) touchChat(turn.run);
  return id;
}

function accepted(turn, run) {
  putTurn(turn.id, { run, id: run.id, startedAs: turn.id });
  tellOthers();
  if (turn.cancelling) api.postJson(`/v1/responses/${run.id}/cancel`, {}).catch(() => {});
}

/** Go on with a response that was begun before, from what is known of it. */
export async function follow(id) {
  for (let tries = 0; tries < TRIES; tries++) {
    const turn = turnOf(id);
    if (!turn || TERMINAL.has(turn.run.status)) return;
    if (tries) putTurn(id, { lost: "reconnecting" });
    try {
      await watch(id, api.followResponse(id, turn.run.after));
    } catch (error) {
      if (error instanceof api.ApiError && error.status < 500) return fail(id, error);
    }
    if (turnOf(id)?.run.after > turn.run.after) tries = 0;
    if (turnOf(id) && !TERMINAL.has(turnOf(id).run.status)) await pause(1000 * 2 ** tries);
  }
  putTurn(id, { lost: "gone" });
}

const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** Follow again what was lost, as when the server is back. */
export function followLost() {
  for (const turn of runningTurns()) if (turn.lost === "gone") follow(turn.id);
}

function fail(id, error) {
  const turn = turnOf(id);
  if (!turn) return;
  const said = { code: error.code ?? "unreachable", message: error.message, requestId: error.requestId };
  putTurn(id, { run: { ...turn.run, status: "failed", error: said }, lost: null });
}

/** Stop a turn; what it has made stays. */
export async function cancel(turn) {
  putTurn(turn.id, { cancelling: true });
  if (!turn.run.id) return; // sent as soon as its id is known
  try {
    await api.postJson(`/v1/responses/${turn.run.id}/cancel`, {});
  } catch (error) {
    putTurn(turn.id, { cancelling: false });
    page.set({ notice: { text: error.message } });
  }
}

export const cancelAll = () => runningTurns().forEach((turn) => turn.cancelling || cancel(turn));

/** Show this one of the versions of a turn. */
export const pickVersion = ({ id, previousId }) =>
  page.set(({ chosen }) => ({ chosen: new Map(chosen).set(previousId ?? "", id) }));

export const showVersion = (turn, step) => pickVersion(sibling(page.get().turns, turn, step));
