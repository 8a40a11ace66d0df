// One picture of the gallery, as large as the window, and the way to those beside it.

import { atHand, gallery, holdToCompare, loadMore, showInChat } from "../lib/gallery.js";
import { download } from "../lib/download.js";
import { t } from "../lib/i18n.js";
import { deedOf } from "../lib/keys.js";
import { page, reference, removePicture, star } from "../lib/page.js";
import { createRef, html, nothing, Part, ref } from "./part.js";
import { downloadMenu } from "./download.js";
import { icon } from "./icons.js";
import "./details.js";
import "./notice.js";
import "./picture.js";

const SWIPE_PX = 50;
const NEAR_END = 5;

class Preview extends Part {
  constructor() {
    super();
    this.dialog = createRef();
  }

  connectedCallback() {
    super.connectedCallback();
    this.unfollow = gallery.listen(() => this.requestUpdate());
  }

  disconnectedCallback() {
    this.unfollow();
    super.disconnectedCallback();
  }

  firstUpdated() {
    this.dialog.value.showModal();
  }

  /** After the last one has been deleted there is nothing to look at. */
  updated() {
    if (!this.picture) this.dialog.value.close();
  }

  render() {
    const pictures = atHand();
    const found = pictures.findIndex(({ id }) => id === gallery.get().shown);
    this.at = found < 0 ? Math.min(this.at ?? 0, pictures.length - 1) : found;
    this.picture = pictures[this.at];
    const { picture } = this;
    return html`<dialog ${ref(this.dialog)} class="whole preview" autofocus aria-label=${t("do-preview")} @close=${this.closed} @keydown=${this.key}>
      ${picture ? this.inside(picture, pictures) : nothing} <lm-notice></lm-notice>
    </dialog>`;
  }

  inside(picture, pictures) {
    const { hasMore, hasDetails } = gallery.get();
    return html`<header class="dialog-head">
        <h2 dir="auto">${picture.prompt || t("untitled")}</h2>
        <span class="quiet count">${this.at + 1} / ${pictures.length}${hasMore ? "+" : ""}</span>
        <button class="plain round" aria-label=${t("close")} title=${t("close")} @click=${() => this.dialog.value.close()}>${icon("close")}</button>
      </header>
      <div class="look ${hasDetails ? "with-details" : ""}">
        <div class="stage" @pointerdown=${this.down} @pointerup=${this.up}>
          <lm-picture .picture=${picture.id} alt=${picture.prompt ?? ""}></lm-picture>
          ${this.way("before", "left", this.at === 0)} ${this.way("after", "right", this.at === pictures.length - 1)}
        </div>
        ${hasDetails ? html`<aside class="drawer" aria-label=${t("details")}><lm-details .picture=${picture.id} .response=${picture.response_id}></lm-details></aside>` : nothing}
      </div>
      ${this.tools(picture)}`;
  }

  way(deed, picture, isEnd) {
    return html`<button class="round way ${deed}" aria-label=${t(`do-${deed}`)} title=${t(`do-${deed}`)} ?disabled=${isEnd} @click=${() => this.deeds[deed]()}>${icon(picture)}</button>`;
  }

  tools(picture) {
    const isStarred = page.get().stars.has(picture.id);
    const tool = (deed, image, words, pressed = nothing) =>
      html`<button class="tool" aria-pressed=${pressed} title=${words} @click=${() => this.deeds[deed](picture)}>${icon(image)}<span>${words}</span></button>`;
    return html`<div class="tools" role="toolbar" aria-label=${t("picture-tools")}>
      ${tool("to-chat", "chat", t("do-to-chat"))} ${downloadMenu(picture)}
      <span class=${isStarred ? "starred" : ""}>${tool("star", "star", t("star"), isStarred)}</span>
      ${tool("compare-two", "compare", t("compare"), gallery.get().held === picture.id)} ${tool("details", "info", t("details"), Boolean(gallery.get().hasDetails))}
      ${tool("reference", "picture", t("reference"))} ${tool("delete", "bin", t("delete"))}
    </div>`;
  }

  walk(step) {
    const next = atHand()[this.at + step];
    if (next) gallery.set({ shown: next.id, at: this.at + step });
    if (this.at + NEAR_END > atHand().length) loadMore();
  }

  key(event) {
    if (event.target.closest("[open] > .menu-list, input")) return;
    const deed = this.deeds[deedOf(event, "gallery")];
    if (!deed || (event.key === " " && event.target.matches("button, summary"))) return;
    event.preventDefault();
    deed(this.picture);
  }

  deeds = {
    before: () => this.walk(-1),
    after: () => this.walk(1),
    preview: () => this.dialog.value.close(),
    "compare-two": ({ id }) => holdToCompare(id) && page.set({ notice: { text: t("compare-other") } }),
    download: ({ id }) => download(id),
    star: ({ id }) => star(id),
    details: () => gallery.set(({ hasDetails }) => ({ hasDetails: !hasDetails })),
    "to-chat": (picture) => this.lead(picture),
    reference: ({ id }) => {
      this.dialog.value.close();
      reference(id);
    },
    delete: ({ id }) => removePicture(id),
  };

  async lead(picture) {
    if (!(await showInChat(picture))) page.set({ notice: { text: t("no-chat") } });
  }

  down({ clientX, pointerType }) {
    this.from = pointerType === "touch" ? clientX : null;
  }

  up({ clientX }) {
    const far = this.from === null ? 0 : clientX - this.from;
    if (Math.abs(far) > SWIPE_PX) this.walk(far > 0 ? -1 : 1);
  }

  closed() {
    gallery.set({ shown: null });
  }
}

customElements.define("lm-preview", Preview);
