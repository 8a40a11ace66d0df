// What the page knows and what a person can do with it. The parts show it and call it.

export * from "./state.js";
export * from "./chats.js";
export * from "./open.js";
export * from "./talk.js";
export * from "./own.js";
export * from "./removal.js";
