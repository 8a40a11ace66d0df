// The left rail: a new chat, the gallery, the chats, and how the server is.

import { t } from "../lib/i18n.js";
import { newChat, openChat, page } from "../lib/page.js";
import { html, Part, repeat } from "./part.js";
import { icon } from "./icons.js";

class Rail extends Part {
  render() {
    const { chats, chatId, view } = page.get();
    return html`
      <nav aria-label=${t("chats")} class="rail-inside">
        <button class="row strong" @click=${newChat}>${icon("add")} ${t("new-chat")}</button>
        <button
          class="row"
          aria-current=${view === "gallery" ? "page" : "false"}
          @click=${() => page.set({ view: "gallery" })}
        >
          ${icon("gallery")} ${t("gallery")}
        </button>
        <ul class="chats">
          ${repeat(
            chats,
            ({ id }) => id,
            (chat) => html`<li>
              <button
                class="row"
                aria-current=${chat.id === chatId && view === "chat" ? "page" : "false"}
                @click=${() => openChat(chat.id)}
              >
                <span class="cut" dir="auto">${chat.metadata?.title || t("untitled")}</span>
              </button>
            </li>`,
          )}
        </ul>
        <button class="row foot" aria-haspopup="dialog" @click=${() => page.set({ drawer: "queue" })}>
          <span class="dot ${this.health}" aria-hidden="true"></span>
          <span>${this.saying}</span>
        </button>
      </nav>
    `;
  }

  get health() {
    return page.get().ready?.state ?? "unknown";
  }

  get saying() {
    const { ready } = page.get();
    return ready?.words ?? t("ready-unknown");
  }
}

customElements.define("lm-rail", Rail);
