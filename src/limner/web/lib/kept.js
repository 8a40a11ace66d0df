// Responses that the server keeps, as turns of a chat.

import * as api from "./api.js";
import { fromResponse } from "./run.js";

const PAGE = 100;

/** All turns of a chat that were made after turn `after`, or all, in the order of making. */
export async function fetchTurns(chatId, after) {
  const turns = [];
  for (;;) {
    const asked = { "metadata[chat]": chatId, order: "asc", limit: PAGE, "include[]": "input", ...(after && { after }) };
    const found = await api.getJson(`/v1/responses?${new URLSearchParams(asked)}`);
    turns.push(...found.data.map(turnFrom));
    if (!found.has_more) return turns;
    after = found.last_id;
  }
}

export function turnFrom(response) {
  const parent = response.metadata?.parent;
  return {
    id: response.id,
    previousId: parent ?? response.previous_response_id,
    input: {
      ...said(response.input ?? []),
      tool: chosen(response.tools?.find(({ type }) => type === "image_generation")),
      alone: !response.previous_response_id && Boolean(parent),
    },
    run: fromResponse(response),
  };
}

/** Whether pictures that went along, or a mask, are missing: lists leave such out. */
export const isBare = ({ input: { pictures, tool } }) => pictures.some(isMissing) || isLost(tool?.input_image_mask);

const isMissing = ({ id, url }) => !id && !url;
const isLost = (mask) => Boolean(mask) && !mask.image_url && !mask.file_id;

/** What went along with a turn, whole. */
export async function fetchInput({ id, input }) {
  let { pictures, tool } = input;
  if (pictures.some(isMissing)) {
    const { data } = await api.getJson(`/v1/responses/${id}/input_items?order=asc&limit=${PAGE}`);
    const brought = said(data).pictures.filter(({ url }) => url);
    pictures = pictures.map((picture) => (isMissing(picture) ? (brought.shift() ?? picture) : picture));
  }
  if (isLost(tool?.input_image_mask)) {
    tool = turnFrom(await api.getJson(`/v1/responses/${id}`)).input.tool;
    pictures = pictures.map((picture, at) => (at ? picture : { ...picture, mask: tool.input_image_mask.image_url }));
  }
  return { ...input, pictures, tool };
}

/** What the person said: their last message, with the pictures that went along by name. */
function said(items) {
  const content = items.findLast(({ role }) => role === "user")?.content ?? [];
  const parts = typeof content === "string" ? [{ type: "input_text", text: content }] : content;
  const named = items.filter(({ type }) => type === "image_generation_call");
  const brought = parts.filter(({ type }) => type === "input_image");
  return {
    text: parts.filter(({ text }) => text).map(({ text }) => text).join("\n"),
    pictures: [...named.map(({ id }) => ({ id })), ...brought.map(({ image_url }) => ({ url: image_url }))],
  };
}

/** The tool's fields that a person chose; the others are the page's own with every request. */
function chosen(tool) {
  if (!tool) return null;
  const { type, partial_images, ...fields } = tool;
  return fields;
}
