// The whole page: rail, chat or gallery, drawer, and what lies over them.

import { t } from "../lib/i18n.js";
import { deedOf, isWriting } from "../lib/keys.js";
import { cancel, focusBox, newChat, openGallery, page, runningTurns } from "../lib/page.js";
import { html, nothing, Part } from "./part.js";
import { icon } from "./icons.js";
import "./composer.js";
import { takeFiles } from "./drop.js";
import { later } from "./later.js";
import "./notice.js";
import "./rail.js";
import "./thread.js";

const WIDE = matchMedia("(min-width: 900px)");

class App extends Part {
  static properties = { isRailOpen: { state: true } };

  constructor() {
    super();
    this.isRailOpen = WIDE.matches;
    WIDE.addEventListener("change", ({ matches }) => (this.isRailOpen = matches));
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("paste", (event) => pasted(event));
  }

  render() {
    const { drawer, view, title, spoken, needsKey, dialog, editing, comparing } = page.get();
    this.classList.toggle("rail-closed", !this.isRailOpen);
    this.classList.toggle("drawer-open", drawer !== null);
    document.title = title ? `${title} · ${t("name")}` : t("name");
    return html`
      ${view === "chat" ? html`<a class="skip" href="#box" @click=${skip}>${t("skip")}</a>` : nothing}
      ${this.isRailOpen ? html`<lm-rail class="rail" @lead=${this.narrow}></lm-rail>` : nothing}
      ${this.isRailOpen || drawer ? html`<button class="behind-sheet" aria-label=${t("close")} @click=${this.closeSheets}></button>` : nothing}
      <main class="main" id="main">
        ${this.topbar(view === "gallery" ? t("gallery") : title || t("name"))}
        ${view === "chat" ? html`<lm-thread class="scroll"></lm-thread><lm-composer></lm-composer>` : later("gallery", html`<lm-gallery class="scroll"></lm-gallery>`)}
      </main>
      ${drawer ? html`<aside class="drawer" aria-label=${t(drawer)}>${this.drawer(drawer)}</aside>` : nothing}
      ${dialog === "keys" ? later("keys", html`<lm-keys></lm-keys>`) : nothing} ${needsKey ? later("key", html`<lm-key></lm-key>`) : nothing}
      ${editing ? later("mask", html`<lm-mask-editor></lm-mask-editor>`) : nothing}
      ${comparing ? later("compare", html`<lm-compare></lm-compare>`) : nothing}
      <lm-drop></lm-drop>
      <lm-notice></lm-notice>
      <p class="unseen" role="status" aria-live="polite">${spoken}</p>
    `;
  }

  topbar(title) {
    return html`<header class="topbar">
      <button class="plain round" aria-label=${t("rail")} title=${t("rail")} aria-expanded=${this.isRailOpen} @click=${() => (this.isRailOpen = !this.isRailOpen)}>
        ${icon("menu")}
      </button>
      <h1 dir="auto">${title}</h1>
      ${this.isRailOpen
        ? nothing
        : html`<button class="plain round" aria-label=${t("new-chat")} title=${t("new-chat")} @click=${begin}>${icon("add")}</button>`}
    </header>`;
  }

  drawer(name) {
    return later(name, name === "queue" ? html`<lm-queue></lm-queue>` : html`<lm-details></lm-details>`);
  }

  narrow() {
    if (!WIDE.matches) this.isRailOpen = false;
  }

  closeSheets() {
    page.set({ drawer: null });
    this.narrow();
  }

  key(event) {
    const deed = deedOf(event, "page");
    if (!deed || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (isWriting(event) && !event.ctrlKey && !event.metaKey && event.key !== "Escape") return;
    event.preventDefault();
    this.deeds[deed]();
  }

  /** What the keys of the page do, by the names of the table of keys. */
  deeds = {
    stop: () => this.stop(),
    write: focusBox,
    "new-chat": begin,
    gallery: openGallery,
    queue: () => page.set(({ drawer }) => ({ drawer: drawer === "queue" ? null : "queue" })),
    keys: () => page.set({ dialog: "keys" }),
  };

  /** What lies over the page goes first, then what runs, the newest of it. */
  stop() {
    const running = runningTurns().findLast(({ cancelling }) => !cancelling);
    if (!WIDE.matches && (this.isRailOpen || page.get().drawer)) this.closeSheets();
    else if (running) cancel(running);
    else page.set({ drawer: null });
  }
}

function begin() {
  newChat();
  focusBox();
}

/** The address stays what it is: it names the chat. */
function skip(event) {
  event.preventDefault();
  focusBox();
}

/** Pictures can be pasted wherever the focus is. */
function pasted(event) {
  const { files } = event.clipboardData;
  if (!files.length || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  takeFiles([...files]);
}

customElements.define("lm-app", App);
