// OpenAI's own library for JavaScript before Limner. LIMNER_URL says where that is; the model
// `intent` are its built-in rules, and `chat` calls get_weather until it has heard of the weather.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import OpenAI, { toFile } from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";

const client = new OpenAI({ baseURL: process.env.LIMNER_URL, apiKey: "none", maxRetries: 0 });
const model = "intent";
const tools = [{ type: "image_generation", size: "320x192", partial_images: 2 }];
const order = { model, input: "Draw a red circle.", tools };
const circle = readFileSync(process.env.PICTURE);
const mask = readFileSync(process.env.MASK);
const PREVIEW = "response.image_generation_call.partial_image";

const png = (base64) => {
  const bytes = Buffer.from(base64, "base64");
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  return `${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`;
};

const pictureOf = (response) => {
  const [item] = response.output.filter(({ type }) => type === "image_generation_call");
  assert.equal(item.status, "completed");
  assert.equal(png(item.result), item.size);
  return item;
};

const collect = async (events) => {
  const seen = [];
  for await (const event of events) seen.push(event);
  return seen;
};

const file = (bytes, name) => toFile(bytes, name, { type: "image/png" });

test("a whole response brings a picture and words", async () => {
  const response = await client.responses.create(order);
  assert.equal(pictureOf(response).size, "320x192");
  assert.ok(response.output_text);
});

test("a stream brings previews, and its helper the same response", async () => {
  const events = await collect(await client.responses.create({ ...order, stream: true }));
  assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
  assert.equal(events.filter(({ type }) => type === PREVIEW).length, 2);
  assert.equal(events.at(-1).type, "response.completed");
  const helper = client.responses.stream(order);
  const types = (await collect(helper)).map(({ type }) => type);
  assert.deepEqual(types, events.map(({ type }) => type));
  pictureOf(await helper.finalResponse());
});

test("a function is called, and its answer read", async () => {
  const weather = {
    type: "function",
    name: "get_weather",
    strict: false,
    parameters: { type: "object", properties: { location: { type: "string" } } },
  };
  const asked = { model: "chat", tools: [weather, ...tools] };
  const helper = client.responses.stream({ ...asked, input: "How is the weather?" });
  const first = await helper.finalResponse();
  const [call] = first.output;
  assert.equal(call.type, "function_call");
  assert.ok(JSON.parse(call.arguments).location);
  const answer = { type: "function_call_output", call_id: call.call_id, output: "sunny" };
  const next = { ...asked, previous_response_id: first.id, input: [answer] };
  assert.equal((await client.responses.create(next)).output_text, "Hello there friend.");
});

test("the next turn edits, by echo, by name and in a conversation", async () => {
  const first = await client.responses.create(order);
  const said = { role: "user", content: "Make it blue." };
  const { id } = await client.conversations.create({ metadata: { topic: "circles" } });
  await client.responses.create({ ...order, conversation: id });
  for (const next of [
    { input: [{ role: "user", content: order.input }, ...first.output, said] },
    { previous_response_id: first.id, input: [said] },
    { conversation: id, input: [said] },
  ]) {
    assert.equal(pictureOf(await client.responses.create({ model, tools, ...next })).action, "edit");
  }
  const items = await collect(client.conversations.items.list(id, { order: "asc", limit: 2 }));
  assert.deepEqual(items.map(({ type }) => type), [
    "message", "image_generation_call", "message",
    "message", "image_generation_call", "message",
  ]);
  assert.equal((await client.conversations.delete(id)).deleted, true);
});

test("a response in the background is left, polled and taken up", async () => {
  const background = { ...order, background: true, store: true };
  const seen = [];
  for await (const event of await client.responses.create({ ...background, stream: true })) {
    seen.push(event);
    if (event.type === PREVIEW) break;
  }
  const { id } = seen[0].response;
  const { sequence_number } = seen.at(-1);
  const after = { stream: true, starting_after: sequence_number };
  const rest = await collect(await client.responses.retrieve(id, after));
  assert.equal(rest[0].sequence_number, sequence_number + 1);
  assert.equal(rest.at(-1).type, "response.completed");
  const helper = client.responses.stream({ response_id: id, starting_after: sequence_number });
  const again = await collect(helper);
  assert.deepEqual(again.map(({ type }) => type), rest.map(({ type }) => type));
  pictureOf(await helper.finalResponse());
  pictureOf(await client.responses.retrieve(id));
  await client.responses.delete(id);
  await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError);

  let polled = await client.responses.create(background);
  assert.equal(polled.status, "queued");
  while (["queued", "in_progress"].includes(polled.status)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    polled = await client.responses.retrieve(polled.id);
  }
  pictureOf(polled);
  assert.equal((await client.responses.cancel(polled.id)).status, "completed");
});

test("its input is listed and counted", async () => {
  const input = ["one", "two", "three"].map((content) => ({ role: "user", content }));
  const { id } = await client.responses.create({ model, input });
  const page = client.responses.inputItems.list(id, { order: "asc", limit: 2 });
  const texts = (await collect(page)).map(({ content }) => content[0].text);
  assert.deepEqual(texts, ["one", "two", "three"]);
  assert.ok((await client.responses.inputTokens.count({ model, input })).input_tokens > 0);
});

test("the Images API generates and edits with masks, whole and streamed", async () => {
  const made = await client.images.generate({ prompt: "a cat", n: 2, size: "128x64" });
  assert.deepEqual(made.data.map(({ b64_json }) => png(b64_json)), ["128x64", "128x64"]);
  const image = await file(circle, "circle.png");
  const edit = { prompt: "a blue circle", size: "64x64", mask: await file(mask, "mask.png") };
  for (const source of [image, [image, image]]) {
    const edited = await client.images.edit({ ...edit, image: source });
    assert.equal(png(edited.data[0].b64_json), "64x64");
  }
  const stream = await client.images.edit({ ...edit, image, stream: true, partial_images: 1 });
  const types = (await collect(stream)).map(({ type }) => type);
  assert.deepEqual(types, ["image_edit.partial_image", "image_edit.completed"]);
});

test("an uploaded file is named, given back and removed", async () => {
  const uploaded = await client.files.create({
    file: await file(circle, "circle.png"),
    purpose: "vision",
  });
  assert.equal(uploaded.bytes, circle.length);
  const listed = await collect(client.files.list({ purpose: "vision", limit: 1 }));
  assert.ok(listed.some(({ id }) => id === uploaded.id));
  const content = await client.files.content(uploaded.id);
  assert.deepEqual(Buffer.from(await content.arrayBuffer()), circle);
  const shown = { type: "input_image", file_id: uploaded.id, detail: "auto" };
  const text = { type: "input_text", text: "Make it blue." };
  const input = [{ role: "user", content: [text, shown] }];
  assert.equal(pictureOf(await client.responses.create({ model, tools, input })).action, "edit");
  assert.equal((await client.files.delete(uploaded.id)).deleted, true);
  await assert.rejects(client.responses.create({ model, tools, input }), {
    status: 400,
    code: "image_file_not_found",
  });
});

test("what is wrong is an error with a code and a field, before any stream", async () => {
  for (const stream of [false, true]) {
    const wrong = { ...order, stream, tools: [{ ...tools[0], partial_images: 4 }] };
    await assert.rejects(client.responses.create(wrong), {
      status: 400,
      code: "integer_above_max_value",
      param: "tools[0].partial_images",
    });
  }
});

test("a WebSocket carries the events of a stream, and remembers what nobody stores", async () => {
  const line = new ResponsesWS(client);
  const ask = (body) =>
    new Promise((resolve, reject) => {
      line.once("error", reject);
      line.on("response.completed", ({ response }) => resolve(response));
      line.send({ type: "response.create", ...order, store: false, ...body });
    });
  try {
    const first = await ask({});
    pictureOf(first);
    const next = await ask({ previous_response_id: first.id, input: "Make it blue." });
    assert.equal(pictureOf(next).action, "edit");
  } finally {
    line.close();
  }
});
