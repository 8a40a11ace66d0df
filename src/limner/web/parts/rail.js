// The left rail: a new chat, the gallery, the chats, and how the server is.

import { getKey, setKey } from "../lib/api.js";
import { chooseLanguage, LANGUAGES, language, t } from "../lib/i18n.js";
import { newChat, openChat, openGallery, page, removeChat, renameChat } from "../lib/page.js";
import { applyTheme, theme, THEMES } from "../lib/theme.js";
import { html, nothing, Part, repeat } from "./part.js";
import { icon } from "./icons.js";
import { choice, menu } from "./menu.js";
import "./picture.js";

class Rail extends Part {
  static properties = { renaming: { state: true } };

  render() {
    const { chats, view, removed } = page.get();
    return html`
      <nav aria-label=${t("chats")} class="rail-inside">
        <button class="row begin" @click=${this.leading(newChat)}>${icon("add")} ${t("new-chat")}</button>
        <button class="row" aria-current=${view === "gallery" ? "page" : "false"} @click=${this.leading(openGallery)}>
          ${icon("gallery")} ${t("gallery")}
        </button>
        <ul class="chats">
          ${repeat(
            chats.filter(({ id }) => !removed.has(id)),
            ({ id }) => id,
            (chat) => html`<li class="chat">${chat.id === this.renaming ? this.renamer(chat) : this.chat(chat)}</li>`,
          )}
        </ul>
        <div class="foot">
          <button class="row health" @click=${() => page.set(({ drawer }) => ({ drawer: drawer === "queue" ? null : "queue" }))}>
            <span class="dot ${page.get().ready?.status ?? "unknown"}" aria-hidden="true"></span>
            <span class="cut">${saying(page.get().ready)}</span>
          </button>
          ${this.settings()}
        </div>
      </nav>
    `;
  }

  chat(chat) {
    const { chatId, view } = page.get();
    const title = chat.metadata?.title || t("untitled");
    const isOpen = chat.id === chatId && view === "chat";
    return html`<button class="row" aria-current=${isOpen ? "page" : "false"} @click=${this.leading(() => openChat(chat.id))}>
        <span class="thumb">
          ${chat.metadata?.picture ? html`<lm-picture .picture=${chat.metadata.picture} width="160"></lm-picture>` : icon("chat")}
        </span>
        <span class="cut" dir="auto">${title}</span>
      </button>
      <span class="chat-tools">
        <button class="plain round small" aria-label=${t("rename-chat", { title })} title=${t("rename")} @click=${() => this.rename(chat)}>
          ${icon("pencil")}
        </button>
        <button
          class="plain round small"
          aria-label=${t("delete-chat", { title })}
          title=${t("delete")}
          @click=${() => removeChat(chat, t("chat-deleted"))}
        >
          ${icon("bin")}
        </button>
      </span>`;
  }

  async rename(chat) {
    this.renaming = chat.id;
    await this.updateComplete;
    this.querySelector(".renamer input").select();
  }

  renamer(chat) {
    return html`<form class="renamer" @submit=${(event) => this.renamed(event, chat)}>
      <input
        name="title"
        aria-label=${t("rename")}
        maxlength="80"
        dir="auto"
        .value=${chat.metadata?.title ?? ""}
        @blur=${() => (this.renaming = null)}
        @keydown=${(event) => event.key === "Escape" && (event.stopPropagation(), (this.renaming = null))}
      />
    </form>`;
  }

  async renamed(event, chat) {
    event.preventDefault();
    const title = new FormData(event.target).get("title").trim();
    this.renaming = null;
    if (!title) return;
    try {
      await renameChat(chat, title);
    } catch (error) {
      page.set({ notice: { text: error.message } });
    }
  }

  settings() {
    const shown = Object.entries(LANGUAGES).map(([tag, name]) => choice(html`<span lang=${tag}>${name}</span>`, () => this.speak(tag), tag === language));
    return menu({
      name: t("settings"),
      shown: icon("sliders"),
      end: true,
      items: html`
        <p class="menu-title">${t("theme")}</p>
        ${THEMES.map((name) => choice(t(`theme-${name}`), () => this.dress(name), name === theme()))}
        <p class="menu-title">${t("language")}</p>
        ${shown}
        <hr />
        ${choice(t("keys"), () => page.set({ dialog: "keys" }))} ${getKey() ? choice(t("key-forget"), forgetKey) : nothing}
      `,
    });
  }

  dress(name) {
    applyTheme(name);
    this.requestUpdate();
  }

  async speak(tag) {
    await chooseLanguage(tag);
    page.set({ language: tag });
  }

  /** On a phone the rail lies over what it leads to, and steps aside. */
  leading(act) {
    return () => {
      act();
      this.dispatchEvent(new Event("lead", { bubbles: true }));
    };
  }
}

/** Nothing that the key has shown stays on the page. */
function forgetKey() {
  setKey("");
  location.reload();
}

function saying(ready) {
  if (!ready) return t("ready-unknown");
  if (ready.status === "ready") return t("ready");
  if (ready.status === "offline") return t("offline");
  const percent = ready.progress === null ? "" : ` · ${Math.round(ready.progress * 100)} %`;
  return ready.status === "loading" ? t("loading") + percent : ready.message || t("not-ready");
}

customElements.define("lm-rail", Rail);
